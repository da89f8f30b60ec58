package login_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/driver"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/login"
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
)

const formManifest = `{
  "id": "form", "version": "1.0.0", "abi": 1,
  "provides": {"providers": [{"key": "form", "formats": ["openai-chat"], "modes": ["execute"], "deliver": ["whole"], "login": true}]},
  "credential": {"fields": {
    "base_url": {"kind": "destination", "required": true}, "api_key": {"required": true}, "email": {"kind": "public"}}},
  "slots": [{"secret": "api_key", "destination": "api", "methods": ["GET"], "position": "header:Authorization", "prefix": "Bearer "}],
  "destinations": [{"name": "api", "field": "base_url", "methods": ["GET"]}],
  "capabilities": [{"name": "network", "reason": "It is an API."}]
}`

// formProvider asks for a key, and asks the API whose it is.
func formProvider() guest.Provider {
	return guest.Provider{
		Key: "form",
		Login: func(r *guest.Request) guest.Answer {
			if r.Login.Phase == abi.LoginPhaseCallback {
				r.Keep("plan", r.Login.Field("plan"))
				return r.Get("base_url", "me").Bearer("api_key").ResumeOnError().Whole("known")
			}
			return r.Prompt(guest.Prompt{Kind: abi.PromptKindForm, Message: "Who are you?", Fields: []guest.PromptField{
				{Name: "api_key", Label: "Key", Secret: true, Required: true}, {Name: "plan"},
			}})
		},
		Steps: map[string]func(*guest.Request) guest.Answer{
			"known": func(r *guest.Request) guest.Answer {
				if !r.Response.OK() {
					return r.FailUpstream()
				}
				email := r.Response.JSON("email").Text()
				label := email + " " + r.Kept("plan")
				return r.Patch(guest.Patch{Set: []guest.Pair{{Name: "email", Value: email}}, Label: &label})
			},
		},
	}
}

// listening keeps all that a guest is told.
type listening struct {
	abi.Guest
	mu    sync.Mutex // guards heard
	heard []byte
}

func (l *listening) Call(ctx context.Context, op abi.Op, input, dst []byte) ([]byte, error) {
	l.mu.Lock()
	l.heard = append(l.heard, input...)
	l.mu.Unlock()
	return l.Guest.Call(ctx, op, input, dst)
}

// TestFormLogin goes from a form to a stored credential: real driver, door and
// manager. The guest never hears the key, not even when the API repeats it.
func TestFormLogin(t *testing.T) {
	const key = "sk-form-0123456789abcdef"
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+key {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":{"message":"no such key ` + strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") + `"}}`))
			return
		}
		_, _ = w.Write([]byte(`{"email":"ada@example.com","you_sent":"` + key + `"}`))
	}))
	defer api.Close()
	m := &abi.Manifest{}
	if err := json.Unmarshal([]byte(formManifest), m); err != nil {
		t.Fatal(err)
	}
	door := egress.New(egress.Options{})
	defer door.Close()
	heard := &listening{Guest: guest.Native("form", formProvider())}
	e, err := driver.New(heard, m, m.Provides.Providers[0], driver.Options{Door: door})
	if err != nil {
		t.Fatal(err)
	}
	manager := host.New(host.Options{})
	defer func() {
		if err := manager.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	manager.RegisterExecutor(e)
	logins := login.New(login.Options{
		Provider:  func(string) (auth.LoginProvider, string) { return e, "v1" },
		Registrar: manager,
	})
	defer logins.Close()
	draft := &auth.Auth{Provider: "form", Attributes: map[string]string{"base_url": api.URL}}

	v, err := logins.Start(t.Context(), draft, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = logins.Fill(t.Context(), v.ID, map[string]string{"api_key": "sk-wrong-0123456789", "plan": "pro"})
	if err == nil || !strings.Contains(err.Error(), "no such key [redacted]") {
		t.Errorf("a wrong key: %v", err)
	}
	if v, err = logins.Start(t.Context(), draft, ""); err != nil {
		t.Fatal(err)
	}
	if v, err = logins.Fill(t.Context(), v.ID, map[string]string{"api_key": key, "plan": "pro"}); err != nil {
		t.Fatal(err)
	}
	stored, ok := manager.GetByID(v.Auth.ID)
	if !ok || stored.Metadata["api_key"] != key || stored.Attributes["email"] != "ada@example.com" || stored.Label != "ada@example.com pro" {
		t.Errorf("stored: %s %v", stored, stored.Attributes)
	}
	if n := len(manager.List()); n != 1 {
		t.Errorf("%d credentials are stored", n)
	}
	for _, secret := range []string{key, "sk-wrong-0123456789"} {
		if bytes.Contains(heard.heard, []byte(secret)) {
			t.Errorf("the guest heard %s", secret)
		}
	}
}

// TestRetiredInTheMiddle: a version that was replaced takes no further step.
func TestRetiredInTheMiddle(t *testing.T) {
	m := &abi.Manifest{}
	if err := json.Unmarshal([]byte(formManifest), m); err != nil {
		t.Fatal(err)
	}
	door := egress.New(egress.Options{})
	defer door.Close()
	e, err := driver.New(guest.Native("form", formProvider()), m, m.Provides.Providers[0], driver.Options{Door: door})
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
	v, err := logins.Start(t.Context(), &auth.Auth{Provider: "form", Attributes: map[string]string{"base_url": "http://127.0.0.1:1"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	e.Retire()
	if _, err := logins.Fill(t.Context(), v.ID, map[string]string{"api_key": "k"}); err == nil || !strings.Contains(err.Error(), "was replaced during the login") {
		t.Error(err)
	}
}
