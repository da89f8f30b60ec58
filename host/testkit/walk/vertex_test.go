package walk_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/testkit/walk"
)

const chat = `{"model":"m","messages":[{"role":"user","content":"hello"}],"stream":true}`

// serviceAccount is a key file as the cloud console gives it.
func serviceAccount(t *testing.T) (file string, key *rsa.PrivateKey) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "project-1", "private_key_id": "kid-1",
		"private_key":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"client_email": "robot@project-1.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw), key
}

// TestWalk03ServiceAccount walks Vertex: the host signs the assertion, fetches
// the token and passes the stream through, all in one attempt; the next request
// finds the token and asks for none.
func TestWalk03ServiceAccount(t *testing.T) {
	file, key := serviceAccount(t)
	w := walk.New(t)
	w.Serve(walk.Load(t, at("vertex"), nil))
	w.Host("oauth2.googleapis.com", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		fmt.Fprint(rw, `{"access_token":"ya29.minted","expires_in":3599,"token_type":"Bearer"}`)
	})
	const events = "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\ndata: [DONE]\n\n"
	w.Host("europe-west4-aiplatform.googleapis.com", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(rw, events)
	})
	w.Credential(&auth.Auth{
		ID: "v", Provider: "vertex", Attributes: map[string]string{"project_id": "project-1", "location": "europe-west4"},
		Metadata: map[string]any{"service_account": file},
	})

	for range 2 {
		got, err := w.Stream("vertex", chat)
		if err != nil || got != events {
			t.Fatalf("the stream is %q, %v", got, err)
		}
	}

	all := w.Arrived()
	if len(all) != 3 {
		t.Fatalf("%d requests arrived, want one for a token and two for streams: %+v", len(all), all)
	}
	form, err := url.ParseQuery(all[0].Body)
	if err != nil {
		t.Fatal(err)
	}
	if all[0].Host != "oauth2.googleapis.com" || all[0].URI != "/token" || form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		t.Errorf("the token was asked for with %+v", all[0])
	}
	claims := jwt.MapClaims{}
	token, err := jwt.ParseWithClaims(form.Get("assertion"), claims, func(*jwt.Token) (any, error) { return &key.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithAudience("https://oauth2.googleapis.com/token"),
		jwt.WithIssuer("robot@project-1.iam.gserviceaccount.com"), jwt.WithExpirationRequired())
	if err != nil {
		t.Fatalf("the assertion is not good: %v", err)
	}
	issued, _ := claims.GetIssuedAt()
	expires, _ := claims.GetExpirationTime()
	if token.Header["kid"] != "kid-1" || claims["scope"] != "https://www.googleapis.com/auth/cloud-platform" || expires.Sub(issued.Time) > time.Hour {
		t.Errorf("the assertion is %v %v", token.Header, claims)
	}
	for _, a := range all[1:] {
		if a.URI != "/v1/projects/project-1/locations/europe-west4/endpoints/openapi/chat/completions" ||
			a.Header.Get("Authorization") != "Bearer ya29.minted" || a.Body != chat {
			t.Errorf("the provider got %+v", a)
		}
	}
	if kept, ok := w.Manager.GetByID("v"); !ok || strings.Contains(fmt.Sprint(kept.Metadata), "ya29") {
		t.Error("a derived token is in the credential's record, which is stored")
	}
}

// TestWalk03RefusedAssertion holds that the credential is blamed, and that
// nothing of the key is told.
func TestWalk03RefusedAssertion(t *testing.T) {
	file, _ := serviceAccount(t)
	w := walk.New(t)
	w.Serve(walk.Load(t, at("vertex"), nil))
	w.Host("oauth2.googleapis.com", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(rw, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`)
	})
	w.Credential(&auth.Auth{ID: "v", Provider: "vertex", Attributes: map[string]string{"project_id": "project-1"}, Metadata: map[string]any{"service_account": file}})
	_, err := w.Stream("vertex", chat)
	if err == nil || !strings.Contains(err.Error(), "invalid_grant") || strings.Contains(err.Error(), "PRIVATE") {
		t.Errorf("error is %v", err)
	}
}
