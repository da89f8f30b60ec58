package app

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/login"
	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/plugins"
)

// lock puts the manifest of a plugin into the store, as an install does.
func lock(t *testing.T, a *App, manifest string) {
	t.Helper()
	raw := `{"id":"gate","version":"1.0.0","sha256":"` + strings.Repeat("0", 64) + `","manifest":` + manifest + `}`
	if err := a.store.Records(bucketPlugins).Put(t.Context(), "gate", []byte(raw)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.lockedByID(t.Context(), "gate"); err != nil {
		t.Fatal(err)
	}
}

const gate = `{"id":"gate","version":"1.0.0","abi":1,"provides":{
	"providers":[{"key":"keyed","formats":["openai-chat"],"modes":["execute"],"models":{"source":"none"}}],
	"post_auth":[{"name":"gate"}]},
	"credential":{"fields":{"api_key":{"required":true}}},"limits":{}}`

// TestA02NobodyToAsk: where a plugin checks new credentials and cannot be asked,
// none is stored: neither by auth add nor by an import.
func TestA02NobodyToAsk(t *testing.T) {
	for name, serving := range map[string]bool{"no server": false, "the plugin does not run": true} {
		t.Run(name, func(t *testing.T) {
			a := open(t, t.TempDir())
			lock(t, a, gate)
			a.serving = serving
			_, err := a.AddAuth(t.Context(), admin.AuthSpec{Provider: "keyed", Label: "a", Secrets: map[string]string{"api_key": "sk-secret-1"}})
			if !errors.Is(err, &admin.Error{Code: admin.CodeRefused}) || !strings.Contains(err.Error(), "plugin gate checks new credentials") || strings.Contains(err.Error(), "sk-secret") {
				t.Errorf("auth add: %v", err)
			}
			files, err := a.ImportAuths(t.Context(), admin.ImportRequest{Yes: true, Files: []admin.ImportFile{{Name: "a.json", Content: []byte(`{"type":"keyed","api_key":"sk-secret-2"}`)}}})
			if err != nil || files[0].State != admin.ImportRefused || !strings.Contains(files[0].Reason, "checks new credentials") {
				t.Errorf("auth import: %+v, %v", files, err)
			}
			if all := a.manager.List(); len(all) != 0 {
				t.Errorf("%d are stored", len(all))
			}
		})
	}
}

// TestA02ConfiguredCredentials: what the configuration file declares is the
// operator's own word.
func TestA02ConfiguredCredentials(t *testing.T) {
	a := open(t, t.TempDir())
	lock(t, a, gate)
	err := a.registerConfigured(t.Context(), settings.Credential{Provider: "keyed", Label: "a", Secrets: map[string]string{"api_key": "sk-secret-1"}})
	if err != nil || len(a.manager.List()) != 1 {
		t.Errorf("%v", err)
	}
}

func TestJudgedSeesTheCommand(t *testing.T) {
	a := open(t, t.TempDir())
	lock(t, a, gate)
	a.serving = true
	var info *auth.RequestInfo
	var from auth.Origin
	a.running["gate"] = &running{hooks: []auth.PostAuthHook{func(ctx context.Context, c *auth.Auth) error {
		info, from = auth.GetRequestInfo(ctx), auth.OriginOf(ctx)
		c.Label = "by hook"
		return nil
	}}}
	defer delete(a.running, "gate")
	m, err := plugins.ParseManifest([]byte(gate))
	if err != nil {
		t.Fatal(err)
	}
	c := authOf(settings.Credential{Provider: "keyed", Label: "a", Secrets: map[string]string{"api_key": "sk-secret-1"}})
	got, err := a.judged(t.Context(), m, m.Provides.Providers[0], c)
	if err != nil || got.Label != "by hook" || c.Label != "a" {
		t.Errorf("%v, %v", got, err)
	}
	if from != auth.OriginCLI || info == nil || len(info.Headers)+len(info.Query) != 0 {
		t.Errorf("origin %s, info %+v", from, info)
	}
}

// TestHookCalls counts how often a check is asked, by the way on which a
// credential comes.
func TestHookCalls(t *testing.T) {
	file := func(key string) admin.ImportFile {
		return admin.ImportFile{Name: key + ".json", Content: []byte(`{"type":"keyed","api_key":"` + key + `"}`)}
	}
	for name, c := range map[string]struct {
		do   func(ctx context.Context, a *App) error
		want int
	}{
		"auth add": {func(ctx context.Context, a *App) error {
			_, err := a.AddAuth(ctx, admin.AuthSpec{Provider: "keyed", Label: "a", Secrets: map[string]string{"api_key": "sk-1"}})
			return err
		}, 1},
		"auth add of what is not whole": {func(ctx context.Context, a *App) error {
			if _, err := a.AddAuth(ctx, admin.AuthSpec{Provider: "keyed", Label: "a"}); err == nil {
				return errors.New("it was added")
			}
			return nil
		}, 0},
		"auth import": {func(ctx context.Context, a *App) error {
			_, err := a.ImportAuths(ctx, admin.ImportRequest{Yes: true, Files: []admin.ImportFile{file("sk-1"), file("sk-2")}})
			return err
		}, 2},
		"auth import, looked at": {func(ctx context.Context, a *App) error {
			_, err := a.ImportAuths(ctx, admin.ImportRequest{Files: []admin.ImportFile{file("sk-1")}})
			return err
		}, 0},
		"the configuration file": {func(ctx context.Context, a *App) error {
			return a.registerConfigured(ctx, settings.Credential{Provider: "keyed", Label: "a", Secrets: map[string]string{"api_key": "sk-1"}})
		}, 0},
		"auth set": {func(ctx context.Context, a *App) error {
			c, err := a.manager.Register(ctx, authOf(settings.Credential{Provider: "keyed", Label: "a", Secrets: map[string]string{"api_key": "sk-1"}}))
			if err == nil {
				_, err = a.ChangeAuth(ctx, admin.AuthChange{ID: c.ID, Secrets: map[string]string{"api_key": "sk-2"}})
			}
			return err
		}, 0},
		"a login": {func(ctx context.Context, a *App) error {
			logins := login.New(login.Options{
				Provider: func(string) (auth.LoginProvider, string) { return atOnce{}, "v1" }, Hooks: a.postAuthHooks, Registrar: registrar{a},
			})
			defer logins.Close()
			_, err := logins.Start(ctx, &auth.Auth{Provider: "keyed"}, "")
			return err
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t, t.TempDir())
			lock(t, a, gate)
			asked := 0
			// Models are listed in the background, which looks at what runs.
			run := func(r *running) {
				a.mu.Lock()
				defer a.mu.Unlock()
				if a.serving = true; r == nil {
					delete(a.running, "gate")
					return
				}
				a.running["gate"] = r
			}
			run(&running{hooks: []auth.PostAuthHook{func(context.Context, *auth.Auth) error { asked++; return nil }}})
			defer run(nil)
			if err := c.do(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			if asked != c.want {
				t.Errorf("the check was asked %d times, want %d", asked, c.want)
			}
		})
	}
}

// atOnce is a provider whose login needs nobody.
type atOnce struct{}

func (atOnce) Login(_ context.Context, draft *auth.Auth, _ auth.LoginInput) (auth.LoginOutput, error) {
	draft.Metadata["api_key"] = "sk-1"
	return auth.LoginOutput{Draft: draft}, nil
}

// TestRenew: new tokens, and all else as it was.
func TestRenew(t *testing.T) {
	m := &abi.Manifest{Credential: abi.CredentialSchema{Fields: map[string]abi.CredentialField{
		"refresh_token": {}, "region": {Kind: abi.FieldDestination},
	}}}
	made := time.Unix(1, 0).UTC()
	old := &auth.Auth{
		ID: "a", Provider: "p", Label: "work", Prefix: "team", ProxyURL: "http://proxy:1", Disabled: true, CreatedAt: made,
		Status: auth.StatusError, LastError: &auth.Error{Code: auth.CodeNeedsLogin}, ModelStates: map[string]*auth.ModelState{"m": {}},
		Attributes: map[string]string{"region": "eu", auth.AttrPriority: "5"},
		Metadata:   map[string]any{"refresh_token": "old", "access_token": "old", "expires_at": "2020-01-01T00:00:00Z", "disable_cooling": true, "request_retry": 2.0},
	}
	got := renew(m, old, &auth.Auth{Provider: "p", Attributes: map[string]string{"region": "us"}})
	want := &auth.Auth{
		ID: "a", Provider: "p", Label: "work", Prefix: "team", ProxyURL: "http://proxy:1", Disabled: true, CreatedAt: made,
		Attributes: map[string]string{"region": "us", auth.AttrPriority: "5"},
		Metadata:   map[string]any{"disable_cooling": true, "request_retry": 2.0},
	}
	if diff := cmp.Diff(toMap(t, want), toMap(t, got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if old.Attributes["region"] != "eu" {
		t.Error("the old record was changed")
	}
}

// TestLoginFailures: every code travels as one that a command understands.
func TestLoginFailures(t *testing.T) {
	a := open(t, t.TempDir(), func(o *Options) {
		o.Redact = func(s string) string { return strings.ReplaceAll(s, "hunter2", "[redacted]") }
	})
	for code, want := range map[string]string{
		login.CodeUnknown: admin.CodeNotFound, login.CodeUnsupported: admin.CodeUnsupported, login.CodeBusy: admin.CodeConflict,
		login.CodeInvalid: admin.CodeInvalid, login.CodeMismatch: admin.CodeInvalid, login.CodeExpired: admin.CodeLogin,
		login.CodeRestart: admin.CodeLogin, login.CodeDenied: admin.CodeLogin, login.CodeRejected: admin.CodeLogin,
		login.CodeCancelled: admin.CodeLogin, login.CodeFailed: admin.CodeLogin,
	} {
		err := a.loginFailed(&login.Error{Code: code, Message: "no hunter2"})
		if !errors.Is(err, &admin.Error{Code: want}) || err.Error() != "no [redacted]" {
			t.Errorf("%s: %v", code, err)
		}
	}
	for name, answer := range map[string]admin.LoginAnswer{"none": {ID: "x"}, "two": {ID: "x", Poll: true, Paste: new(string)}} {
		if _, err := a.ContinueLogin(t.Context(), answer); !errors.Is(err, &admin.Error{Code: admin.CodeInvalid}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := a.ContinueLogin(t.Context(), admin.LoginAnswer{ID: "x", Poll: true}); !errors.Is(err, &admin.Error{Code: admin.CodeNotFound}) {
		t.Errorf("an unknown login: %v", err)
	}
}

// TestHooksOrder: the operator's order first, then by id.
func TestHooksOrder(t *testing.T) {
	a := open(t, t.TempDir(), func(o *Options) { o.Config.Plugins.Order = []string{"zebra"} })
	a.serving = true
	var asked []string
	for _, id := range []string{"ant", "bee", "zebra"} {
		manifest := strings.Replace(`{"id":"ID","version":"1.0.0","abi":1,"provides":{"post_auth":[{"name":"gate"}]},"credential":{},"limits":{}}`, "ID", id, 1)
		raw := `{"id":"` + id + `","version":"1.0.0","sha256":"` + strings.Repeat("0", 64) + `","manifest":` + manifest + `}`
		if err := a.store.Records(bucketPlugins).Put(t.Context(), id, []byte(raw)); err != nil {
			t.Fatal(err)
		}
		a.running[id] = &running{hooks: []auth.PostAuthHook{func(context.Context, *auth.Auth) error { asked = append(asked, id); return nil }}}
		defer delete(a.running, id)
	}
	if _, err := login.Judge(t.Context(), a.postAuthHooks(), &auth.Auth{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"zebra", "ant", "bee"}, asked); diff != "" {
		t.Error(diff)
	}
}
