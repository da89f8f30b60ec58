package walk_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"testing"

	"github.com/patchbay-dev/patchbay/host/driver"
	"github.com/patchbay-dev/patchbay/host/testkit/walk"
)

// TestWalk09HMACByAnInterceptor walks a plugin that signs another plugin's
// bodies, with a key of its own, over the very bytes that are sent.
func TestWalk09HMACByAnInterceptor(t *testing.T) {
	const key = "key-of-the-interceptor"
	w := walk.New(t)
	signer := walk.Load(t, at("hmac"), []byte(`{"key":"`+key+`"}`))
	i, err := driver.NewInterceptor(signer, signer.Manifest(), signer.Manifest().Provides.Preparers[0], driver.Options{ConfigSecret: signer.Secret})
	if err != nil {
		t.Fatal(err)
	}
	w.Serve(walk.Load(t, at("envelope"), nil), func(o *driver.Options) {
		o.Intercept = func(provider string) ([]*driver.Interceptor, error) {
			if !i.Wants(provider) {
				t.Errorf("asked for %s", provider)
			}
			return []*driver.Interceptor{i}, nil
		}
	})
	w.Host("api.example.com", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		fmt.Fprint(rw, `{"response":{}}`)
	})
	a := keyed("a", "envelope")
	a.Attributes["project"] = "p"
	w.Credential(a)
	if _, err := w.Ask("envelope", `{"model":"m","messages":[{"role":"user","content":"é"}]}`); err != nil {
		t.Fatal(err)
	}
	all := w.Arrived()
	if len(all) != 1 {
		t.Fatalf("%d requests arrived", len(all))
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(all[0].Body))
	if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); all[0].Header.Get("X-Body-Signature") != want || all[0].Header.Get("Authorization") != "Bearer sk-a" {
		t.Errorf("arrived %+v, want the signature %s", all[0], want)
	}
}
