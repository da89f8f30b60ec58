package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/testkit/canary"
)

// oauthServer is a strict OAuth server and the API behind it. It takes the
// clients that it knows, PKCE with S256 only, each code and each refresh token
// once, and no access token but the newest.
type oauthServer struct {
	t    testing.TB
	http *httptest.Server
	// interval is what it tells those who poll, in seconds.
	interval int
	// always: whoever has to agree does so at once.
	always bool

	mu sync.Mutex // guards the rest
	// email is the account of whoever logs in next.
	email  string
	serial int
	// codes are authorization codes that were not used yet.
	codes map[string]grant
	// devices are device codes, by device code.
	devices map[string]*pending
	// tokens are access tokens and refresh tokens that are good, by token.
	access, refresh map[string]string
	// used are refresh tokens that were exchanged; one that comes again is a
	// theft.
	used map[string]bool
	// breaches are what a good client does not do.
	breaches []string
	// made are all secrets that it gave out.
	made []string
	// asked are the bodies of requests to the API.
	asked []string
}

type grant struct{ redirect, challenge, state, email string }

type pending struct {
	approved bool
	polls    int
	last     time.Time
}

const (
	oauthClient = "test-client"
	oauthSecret = "client-secret-0123456789"
)

func newOAuthServer(t testing.TB) *oauthServer {
	o := &oauthServer{
		t: t, interval: 1, email: "ada@example.com", codes: map[string]grant{}, devices: map[string]*pending{},
		access: map[string]string{}, refresh: map[string]string{}, used: map[string]bool{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /oauth/authorize", o.authorize)
	mux.HandleFunc("POST /v1/oauth/token", o.tokenJSON)
	mux.HandleFunc("POST /device", o.device)
	mux.HandleFunc("POST /token", o.tokenForm)
	mux.HandleFunc("GET /models", o.api)
	mux.HandleFunc("GET /v1/models", o.api)
	mux.HandleFunc("POST /chat/completions", o.api)
	mux.HandleFunc("POST /v1/messages", o.api)
	o.http = httptest.NewServer(mux)
	t.Cleanup(func() {
		o.http.CloseClientConnections()
		o.http.Close()
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, b := range o.breaches {
			t.Errorf("the OAuth server saw: %s", b)
		}
	})
	return o
}

// URL is where the server is.
func (o *oauthServer) URL() string { return o.http.URL }

func (o *oauthServer) unsyncedSecret(kind string) string {
	o.serial++
	s := fmt.Sprintf("%s-%d-%s", kind, o.serial, "0123456789abcdef")
	o.made = append(o.made, s)
	return s
}

func (o *oauthServer) unsyncedBreach(format string, args ...any) {
	o.breaches = append(o.breaches, fmt.Sprintf(format, args...))
}

// authorize is the page on which a person agrees, at once.
func (o *oauthServer) authorize(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := r.URL.Query()
	for name, want := range map[string]string{"response_type": "code", "client_id": oauthClient, "code_challenge_method": "S256"} {
		if q.Get(name) != want {
			o.unsyncedBreach("authorize: %s is %q", name, q.Get(name))
		}
	}
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || back.Hostname() != "127.0.0.1" || q.Get("state") == "" || q.Get("code_challenge") == "" {
		o.unsyncedBreach("authorize: redirect, state or challenge is missing: %s", r.URL)
		return
	}
	code := o.unsyncedSecret("code")
	o.codes[code] = grant{q.Get("redirect_uri"), q.Get("code_challenge"), q.Get("state"), o.email}
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}, "hd": {"example.com"}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (o *oauthServer) device(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.FormValue("client_id") != oauthClient {
		o.unsyncedBreach("device: client %q", r.FormValue("client_id"))
	}
	code := o.unsyncedSecret("device")
	o.devices[code] = &pending{approved: o.always}
	answerJSON(w, http.StatusOK, map[string]any{
		"device_code": code, "user_code": "WDJB-MJHT", "verification_uri": o.http.URL + "/device", "expires_in": 600, "interval": o.interval,
	})
}

// approve lets everybody in who shows a code.
func (o *oauthServer) approve() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range o.devices {
		d.approved = true
	}
}

// polls is how often somebody has polled.
func (o *oauthServer) polls() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range o.devices {
		n += d.polls
	}
	return n
}

func (o *oauthServer) tokenForm(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "form", http.StatusBadRequest)
		return
	}
	in := map[string]string{}
	for name := range r.PostForm {
		in[name] = r.PostForm.Get(name)
	}
	o.token(w, in)
}

func (o *oauthServer) tokenJSON(w http.ResponseWriter, r *http.Request) {
	in := map[string]string{}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, "json", http.StatusBadRequest)
		return
	}
	if in["client_secret"] != oauthSecret {
		o.mu.Lock()
		o.unsyncedBreach("token: the client's secret is wrong")
		o.mu.Unlock()
	}
	o.token(w, in)
}

func (o *oauthServer) token(w http.ResponseWriter, in map[string]string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if in["client_id"] != oauthClient {
		o.unsyncedBreach("token: client %q", in["client_id"])
	}
	refuse := func(code string) {
		answerJSON(w, http.StatusBadRequest, map[string]any{"error": code, "error_description": "as RFC 6749 says"})
	}
	email := ""
	switch in["grant_type"] {
	case "authorization_code":
		g, ok := o.codes[in["code"]]
		delete(o.codes, in["code"])
		sum := sha256.Sum256([]byte(in["code_verifier"]))
		if !ok || g.redirect != in["redirect_uri"] || g.state != in["state"] || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge {
			o.unsyncedBreach("token: code, redirect, state or verifier is wrong: %v", ok)
			refuse("invalid_grant")
			return
		}
		email = g.email
	case "urn:ietf:params:oauth:grant-type:device_code":
		d := o.devices[in["device_code"]]
		if d == nil {
			refuse("expired_token")
			return
		}
		early := time.Since(d.last) < time.Duration(o.interval)*time.Second-50*time.Millisecond
		d.polls, d.last = d.polls+1, time.Now()
		if early {
			o.unsyncedBreach("token: polled too early")
		}
		if !d.approved {
			refuse("authorization_pending")
			return
		}
		delete(o.devices, in["device_code"])
		email = o.email
	case "refresh_token":
		if o.used[in["refresh_token"]] {
			o.unsyncedBreach("token: a refresh token was used twice")
		}
		account, ok := o.refresh[in["refresh_token"]]
		if !ok {
			refuse("invalid_grant")
			return
		}
		delete(o.refresh, in["refresh_token"])
		o.used[in["refresh_token"]] = true
		clear(o.access)
		email = account
	default:
		o.unsyncedBreach("token: grant %q", in["grant_type"])
		refuse("unsupported_grant_type")
		return
	}
	access, refresh := o.unsyncedSecret("access"), o.unsyncedSecret("refresh")
	o.access[access], o.refresh[refresh] = email, email
	claims := base64.RawURLEncoding.EncodeToString([]byte(`{"email":"` + email + `"}`))
	answerJSON(w, http.StatusOK, map[string]any{
		"token_type": "Bearer", "access_token": access, "refresh_token": refresh, "expires_in": 86400,
		"id_token": "e30." + claims + ".sig", "account": map[string]any{"email_address": email},
	})
}

// revoke makes the access tokens worthless, as time does.
func (o *oauthServer) revoke() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.access)
}

// api answers in the wire format of its path.
func (o *oauthServer) api(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Stream bool
		Model  string
	}
	o.mu.Lock()
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	_, good := o.access[token]
	if r.Body != nil && r.Method == http.MethodPost {
		var raw json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&raw); err != nil || json.Unmarshal(raw, &in) != nil {
			o.unsyncedBreach("api: the body is not JSON")
		}
		o.asked = append(o.asked, string(raw))
	}
	o.mu.Unlock()
	if !ok || !good {
		answerJSON(w, http.StatusUnauthorized, map[string]any{"type": "error", "error": map[string]any{"type": "authentication_error", "message": "invalid bearer token"}})
		return
	}
	switch {
	case r.Method == http.MethodGet:
		answerJSON(w, http.StatusOK, map[string]any{"data": []any{map[string]any{"id": "m", "type": "model"}}})
	case r.URL.Path == "/chat/completions":
		answerJSON(w, http.StatusOK, map[string]any{"id": "1", "object": "chat.completion", "model": in.Model,
			"choices": []any{map[string]any{"index": 0, "message": map[string]any{"role": "assistant", "content": "hello"}, "finish_reason": "stop"}}})
	case r.Header.Get("Anthropic-Version") != "2023-06-01":
		http.Error(w, "version", http.StatusBadRequest)
	case in.Stream:
		w.Header().Set("Content-Type", "text/event-stream")
		for _, e := range []string{
			`{"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":3}}}`,
			`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`, `{"type":"ping"}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hel"}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"lo"}}`,
			`{"type":"content_block_stop","index":0}`,
			`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}`, `{"type":"message_stop"}`,
		} {
			kind, _, _ := strings.Cut(strings.TrimPrefix(e, `{"type":"`), `"`)
			fmt.Fprintf(w, "event: %s\ndata: %s\n\n", kind, e)
		}
	default:
		answerJSON(w, http.StatusOK, map[string]any{"id": "msg_1", "type": "message", "role": "assistant", "model": in.Model,
			"content":     []any{map[string]any{"type": "text", "text": "hello"}},
			"stop_reason": "end_turn", "usage": map[string]any{"input_tokens": 3, "output_tokens": 2}})
	}
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that left does not need it
}

// leaked lists the secrets that stand in a text, in any spelling.
func (o *oauthServer) leaked(text string) []string {
	set := o.secrets()
	return set.Find([]byte(text))
}

// secrets are all that it gave out, and the client's own.
func (o *oauthServer) secrets() *canary.Set {
	o.mu.Lock()
	defer o.mu.Unlock()
	set := &canary.Set{}
	set.Add("client's secret", oauthSecret)
	for _, s := range o.made {
		set.Add("secret", s)
	}
	return set
}
