package login_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/driver"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/login"
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
)

const webManifest = `{
  "id": "web", "version": "1.0.0", "abi": 1, "requires": ["login", "exchange", "forms"],
  "provides": {"providers": [{"key": "web", "formats": ["openai-chat"], "modes": ["execute"], "deliver": ["exchange"], "login": true}]},
  "credential": {"fields": {
    "login_url": {"kind": "destination", "required": true}, "email": {"kind": "public"}, "scope": {"kind": "public"},
    "state": {}, "code": {}, "code_verifier": {}, "access_token": {}, "refresh_token": {}}},
  "slots": [
    {"secret": "state", "destination": "login", "methods": ["POST"], "position": "form:state"},
    {"secret": "code", "destination": "login", "methods": ["POST"], "position": "form:code"},
    {"secret": "code_verifier", "destination": "login", "methods": ["POST"], "position": "form:code_verifier"},
    {"secret": "config:client_secret", "destination": "login", "methods": ["POST"], "position": "form:client_secret"}],
  "destinations": [{"name": "login", "field": "login_url", "methods": ["GET", "POST"]}],
  "capabilities": [{"name": "network", "reason": "It logs in."}],
  "config_secrets": ["client_secret"]
}`

// webProvider tries its luck: what it hears it repeats wherever it can.
func webProvider() guest.Provider {
	done := func(r *guest.Request) guest.Answer {
		if r.Exchange == nil || r.Exchange.Status != 200 {
			return r.Fail(guest.Fail{Code: guest.CodeAuthInvalid, Message: r.Exchange.Error + ": " + r.Exchange.ErrorDescription})
		}
		label := r.Field("email") + " " + r.Field("scope")
		return r.Patch(guest.Patch{Label: &label})
	}
	return guest.Provider{
		Key: "web",
		Login: func(r *guest.Request) guest.Answer {
			if r.Login.Phase == abi.LoginPhaseStart {
				return r.Prompt(guest.Prompt{Kind: abi.PromptKindBrowser, URL: r.Field("login_url") + "/authorize?client_id=c"})
			}
			return r.Post("login_url", "token").Form(
				guest.Value("state", guest.Secret("state")), guest.Value("code", guest.Secret("code")),
				guest.Value("code_verifier", guest.Secret("code_verifier")),
				guest.Value("client_secret", guest.ConfigSecret("client_secret")),
				guest.Value("redirect_uri", guest.Text(r.Login.RedirectURI))).
				Consumes("code").Exchange("done",
				guest.Take("/access_token", "access_token"), guest.Take("/refresh_token", "refresh_token"),
				guest.Take("/email", "email"), guest.Take("/scope", "scope"))
		},
		Steps: map[string]func(*guest.Request) guest.Answer{"done": done},
	}
}

// forms are a secret as it may be written.
func forms(s string) []string {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return []string{s, base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)), hex.EncodeToString([]byte(s)),
		url.QueryEscape(s), strings.Trim(string(quoted), `"`)}
}

// TestA14LoginIsSealed: neither state, code, verifier, the client's secret nor a
// token is in anything that the guest is told, that a person is shown, or that
// an error says, also where the token server repeats them.
func TestA14LoginIsSealed(t *testing.T) {
	const clientSecret, access, refresh = "client-secret-0123456789", "access-0123456789abcdef", "refresh-0123456789abcdef"
	var secrets []string
	refuse := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		var all []string
		for _, name := range []string{"state", "code", "code_verifier", "client_secret"} {
			if r.PostForm.Get(name) == "" {
				t.Errorf("%s did not arrive", name)
			}
			all = append(all, r.PostForm.Get(name))
		}
		secrets = append(secrets, all...)
		w.Header().Set("X-Echo", strings.Join(all, " "))
		if refuse {
			w.WriteHeader(http.StatusBadRequest)
			for i, s := range all[:3] {
				all[i] = base64.StdEncoding.EncodeToString([]byte(s))
			}
			_ = json.NewEncoder(w).Encode(map[string]string{"error": r.PostForm.Get("code"), "error_description": strings.Join(all, " ")})
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{
			"access_token": access, "refresh_token": refresh, "email": "ada@example.com", "scope": access, "echo": strings.Join(all, " "),
		})
	}))
	defer server.Close()
	m := &abi.Manifest{}
	if err := json.Unmarshal([]byte(webManifest), m); err != nil {
		t.Fatal(err)
	}
	door := egress.New(egress.Options{})
	defer door.Close()
	heard := &listening{Guest: guest.Native("web", webProvider())}
	e, err := driver.New(heard, m, m.Provides.Providers[0], driver.Options{
		Door: door, ConfigSecret: func(string) string { return clientSecret },
	})
	if err != nil {
		t.Fatal(err)
	}
	manager := host.New(host.Options{})
	defer func() {
		if err := manager.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	logins := login.New(login.Options{Provider: func(string) (auth.LoginProvider, string) { return e, "v1" }, Registrar: manager})
	defer logins.Close()

	shown := ""
	try := func(code string) (login.View, error) {
		v, err := logins.Start(t.Context(), &auth.Auth{Provider: "web", Attributes: map[string]string{"login_url": server.URL}}, "http://127.0.0.1:4711/back")
		if err != nil {
			t.Fatal(err)
		}
		page, err := url.Parse(v.Prompt.URL)
		if err != nil {
			t.Fatal(err)
		}
		v, err = logins.Callback(t.Context(), v.ID, url.Values{"code": {code}, "state": {page.Query().Get("state")}}.Encode(), nil)
		shown += fmt.Sprint(err)
		if v.Auth != nil {
			shown += v.Auth.Label + fmt.Sprint(v.Auth.Attributes)
		}
		return v, err
	}
	if _, err := try("code-one-0123456789"); err == nil {
		t.Error("a refused code logged in")
	}
	refuse = false
	v, err := try("code-two-0123456789/+=")
	if err != nil {
		t.Fatal(err)
	}
	stored, _ := manager.GetByID(v.Auth.ID)
	if stored.Metadata["access_token"] != access || stored.Metadata["refresh_token"] != refresh || len(stored.Metadata) != 2 {
		t.Error("what is stored is not the tokens, and the tokens alone")
	}
	if len(secrets) != 8 {
		t.Fatalf("the token server saw %d values", len(secrets))
	}
	for _, s := range append(secrets, access, refresh) {
		for _, form := range forms(s) {
			if bytes.Contains(heard.heard, []byte(form)) {
				t.Errorf("the guest heard %s", form)
			}
			if strings.Contains(shown, form) {
				t.Errorf("a person is shown %s", form)
			}
		}
	}
}
