package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake records what it was asked, and answers err if it is set.
type fake struct {
	mu    sync.Mutex // guards the rest
	err   error
	panic bool
	spec  AuthSpec
	req   InstallRequest
	ids   []string
	ready Health
	desk
	vault
}

func (f *fake) answer() error {
	if f.panic {
		panic("the operation broke")
	}
	return f.err
}

func (f *fake) CreateKey(_ context.Context, name string) (CreatedKey, error) {
	return CreatedKey{ID: "abcd1234", Name: name, Key: "pb_abcd1234_plain"}, f.answer()
}

func (f *fake) AddAuth(_ context.Context, spec AuthSpec) (AuthView, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spec = spec
	return AuthView{ID: "id-1", Provider: spec.Provider, Status: "active", Source: SourceStore, SecretsSet: []string{"api_key"}}, f.answer()
}

func (f *fake) ListAuths(context.Context) ([]AuthView, error) {
	return []AuthView{{ID: "cfg-1", Provider: "echo", Status: "error", Reason: "needs_login", Until: time.Unix(1700000000, 0).UTC(),
		Models: []string{"a"}, Source: "patchbay.yaml:12", Fields: map[string]string{"base_url": "https://x.example"}, HasProxy: true}}, f.answer()
}

func (f *fake) RemoveAuth(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ids = append(f.ids, id)
	return f.answer()
}

func (f *fake) InstallPlugin(_ context.Context, req InstallRequest) (PluginView, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.req = req
	return PluginView{ID: "echo", Version: "1.0.0", Status: "active", Grants: []string{"none"}}, f.answer()
}

func (f *fake) ListPlugins(context.Context) ([]PluginView, error) {
	return []PluginView{{ID: "echo", Status: "active", InstalledAt: time.Unix(1700000000, 0).UTC()}}, f.answer()
}

func (f *fake) RemovePlugin(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ids = append(f.ids, id)
	return f.answer()
}

func (f *fake) Health(context.Context) (Health, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ready, f.answer()
}

// serve runs ops on the socket of dir until the test ends, and returns what it
// logs once it has ended.
func serve(t *testing.T, dir string, ops Operations) (log *bytes.Buffer) {
	t.Helper()
	ln, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	log = &bytes.Buffer{}
	srv := NewServer(ops, slog.New(slog.NewJSONHandler(&lockedWriter{w: log}, nil)))
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if path, err := SocketPath(dir); err != nil {
			t.Error(err)
		} else if _, err := os.Lstat(path); err == nil {
			t.Error("the socket is left behind")
		}
	})
	return log
}

type lockedWriter struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func dial(t *testing.T, dir string) *Client {
	t.Helper()
	c, err := Dial(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestClientIsTheServer: whatever the operations answer, the client answers.
func TestClientIsTheServer(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	f := &fake{ready: Health{Ready: true, Reasons: []string{"store is slow"}, Version: "1", Uptime: time.Minute}}
	serve(t, dir, f)
	c := dial(t, dir)

	for _, name := range []string{"work", "", "ümlaut \x00\n"} {
		got, err := c.CreateKey(ctx, name)
		want, _ := f.CreateKey(ctx, name)
		same(t, "CreateKey", got, want, err)
	}
	spec := AuthSpec{Provider: "openai-compatible", Label: "l", Set: map[string]string{"base_url": "https://x.example"},
		Secrets: map[string]string{"api_key": "sk-\n\"x"}, Models: []string{"a", "b"}, AllowPrivate: true, Prefix: "p", Priority: -3, ProxyURL: "http://u:p@h"}
	view, err := c.AddAuth(ctx, spec)
	same(t, "spec", f.spec, spec, err)
	want, _ := f.AddAuth(ctx, spec)
	same(t, "AddAuth", view, want, err)

	auths, err := c.ListAuths(ctx)
	wantAuths, _ := f.ListAuths(ctx)
	same(t, "ListAuths", auths, wantAuths, err)

	id := "a/b?c=d&e#%2f\n../x"
	same(t, "RemoveAuth", 0, 0, c.RemoveAuth(ctx, id))
	same(t, "RemovePlugin", 0, 0, c.RemovePlugin(ctx, id))
	same(t, "ids", f.ids, []string{id, id}, nil)

	file := filepath.Join(t.TempDir(), "p.wasm")
	if err := os.WriteFile(file, []byte("\x00asm"), 0o600); err != nil {
		t.Fatal(err)
	}
	plugin, err := c.InstallPlugin(ctx, InstallRequest{Path: file, Yes: true})
	same(t, "request", f.req, InstallRequest{Path: file, Wasm: []byte("\x00asm"), Yes: true}, err)
	wantPlugin, _ := f.InstallPlugin(ctx, f.req)
	same(t, "InstallPlugin", plugin, wantPlugin, err)

	plugins, err := c.ListPlugins(ctx)
	wantPlugins, _ := f.ListPlugins(ctx)
	same(t, "ListPlugins", plugins, wantPlugins, err)

	health, err := c.Health(ctx)
	same(t, "Health", health, f.ready, err)
}

func same(t *testing.T, what string, got, want any, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	} else if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestErrorsSurviveTheSocket(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	f := &fake{}
	serve(t, dir, f)
	c := dial(t, dir)
	for _, want := range []*Error{
		{Code: CodeFromConfig, Message: "cfg-1 is declared in patchbay.yaml:12; remove it there"},
		{Code: CodeNotFound, Message: "no credential x", Exit: 1},
		{Code: CodeConsent, Message: "the plugin asks for network"},
		{Code: CodeUnavailable, Message: "the store is damaged", Exit: 5},
	} {
		f.err = fmt.Errorf("while testing: %w", want)
		for name, err := range map[string]error{
			"list":   func() error { _, err := c.ListAuths(ctx); return err }(),
			"remove": c.RemoveAuth(ctx, "x"),
		} {
			var got *Error
			if !errors.As(err, &got) || got.Code != want.Code || got.Message != "while testing: "+want.Message || got.Exit != want.Exit {
				t.Errorf("%s: got %#v, want %#v", name, err, want)
			}
			if !errors.Is(err, &Error{Code: want.Code}) || errors.Is(err, &Error{Code: "other"}) {
				t.Errorf("%s: errors.Is does not tell the kind of %v", name, err)
			}
			if got := ExitCode(err); got != max(want.Exit, 1) {
				t.Errorf("%s: exit code %d", name, got)
			}
		}
	}
	f.err = errors.New("disk on fire")
	if _, err := c.Health(ctx); !errors.Is(err, &Error{Code: CodeInternal}) || err.Error() != "disk on fire" {
		t.Errorf("got %v", err)
	}
	if ExitCode(nil) != 0 || ExitCode(errors.New("x")) != 1 {
		t.Error("exit codes of nil and of any error")
	}
}

func TestPanicIsOneFailedOperation(t *testing.T) {
	dir := t.TempDir()
	f := &fake{panic: true}
	serve(t, dir, f)
	c := dial(t, dir)
	if _, err := c.ListAuths(t.Context()); !errors.Is(err, &Error{Code: CodeInternal}) {
		t.Errorf("got %v", err)
	}
	f.panic = false
	if _, err := c.ListAuths(t.Context()); err != nil {
		t.Errorf("after a panic: %v", err)
	}
}

// TestSecretsStayOutOfTheLog: the log says what was done, never with what.
func TestSecretsStayOutOfTheLog(t *testing.T) {
	const canary = "canary-0123456789"
	var log *bytes.Buffer
	t.Run("operations", func(t *testing.T) {
		dir := t.TempDir()
		f := &fake{}
		log = serve(t, dir, f)
		c := dial(t, dir)
		if _, err := c.AddAuth(t.Context(), AuthSpec{Provider: "p", Secrets: map[string]string{"api_key": canary}}); err != nil {
			t.Error(err)
		}
		if _, err := c.CreateKey(t.Context(), canary); err != nil {
			t.Error(err)
		}
		for _, body := range []string{
			`{"provider":"p","` + canary + `":1}`, `{"provider":"p","secrets":{"api_key":"` + canary + `"`,
			`{"provider":"p","secrets":"` + canary + `"}`, canary, "",
		} {
			answer := raw(t, dir, http.MethodPost, "/v1/auths", body, map[string]string{commandHeader: commandValue})
			if answer.StatusCode != http.StatusBadRequest || strings.Contains(answer.body, canary) {
				t.Errorf("%s: %d %s", body, answer.StatusCode, answer.body)
			}
		}
	})
	if strings.Contains(log.String(), canary) || !strings.Contains(log.String(), `"route":"/v1/auths"`) {
		t.Errorf("the log is\n%s", log)
	}
}

type answered struct {
	*http.Response
	body string
}

// raw makes any request over the socket of dir.
func raw(t *testing.T, dir, method, target, body string, headers map[string]string) answered {
	t.Helper()
	path, err := SocketPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://patchbay"+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{resp, string(all)}
}

// TestBrowsersAreRefused is A-06 of the catalogue of faults.
func TestBrowsersAreRefused(t *testing.T) {
	dir := t.TempDir()
	f := &fake{ready: Health{Ready: true}}
	serve(t, dir, f)
	for name, headers := range map[string]map[string]string{
		"no header":   {},
		"wrong value": {commandHeader: "yes"},
		"origin":      {commandHeader: commandValue, "Origin": "https://evil.example"},
		"null origin": {commandHeader: commandValue, "Origin": "null"},
		"empty":       {commandHeader: commandValue, "Origin": ""},
		"fetch":       {commandHeader: commandValue, "Sec-Fetch-Site": "same-origin"},
		"cookie":      {commandHeader: commandValue, "Cookie": "a=b"},
	} {
		for _, target := range []string{"/v1/auths", "/v1/health", "/nowhere"} {
			if a := raw(t, dir, http.MethodGet, target, "", headers); a.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s: %d %s", name, target, a.StatusCode, a.body)
			}
		}
	}
	ours := map[string]string{commandHeader: commandValue}
	for _, c := range []struct {
		method, target string
		status         int
	}{
		{"GET", "/healthz", 200}, {"GET", "/readyz", 200}, {"GET", "/nowhere", 404}, {"PUT", "/v1/auths", 405},
		{"DELETE", "/v1/auths", 400}, {"DELETE", "/v1/plugins", 400}, {"GET", "//v1/auths", 404}, {"GET", "/v1/auths/..", 404},
	} {
		a := raw(t, dir, c.method, c.target, "", ours)
		if a.StatusCode != c.status {
			t.Errorf("%s %s: %d %s", c.method, c.target, a.StatusCode, a.body)
		}
		if e := (failure{}); c.status >= 400 && (json.Unmarshal([]byte(a.body), &e) != nil || e.Error == nil) {
			t.Errorf("%s %s: not an error: %s", c.method, c.target, a.body)
		}
	}
	f.mu.Lock()
	f.ready = Health{Reasons: []string{"no plugin is loaded"}}
	f.mu.Unlock()
	if a := raw(t, dir, "GET", "/readyz", "", ours); a.StatusCode != 503 || !strings.Contains(a.body, "no plugin is loaded") {
		t.Errorf("not ready: %d %s", a.StatusCode, a.body)
	}
}

func TestLimits(t *testing.T) {
	dir := t.TempDir()
	f := &fake{}
	serve(t, dir, f)
	ours := map[string]string{commandHeader: commandValue}
	if a := raw(t, dir, "POST", "/v1/keys", `{"name":"`+strings.Repeat("x", maxBody)+`"}`, ours); a.StatusCode != 400 || !strings.Contains(a.body, "larger") {
		t.Errorf("a large body: %d %s", a.StatusCode, a.body)
	}
	if a := raw(t, dir, "POST", "/v1/plugins", `{"path":"/etc/passwd"}`, ours); a.StatusCode != 400 || f.req.Path != "" {
		t.Errorf("a path alone: %d %s", a.StatusCode, a.body)
	}
	c := dial(t, dir)
	for _, path := range []string{filepath.Join(dir, "missing.wasm"), dir} {
		if _, err := c.InstallPlugin(t.Context(), InstallRequest{Path: path}); !errors.Is(err, &Error{Code: CodeInvalid}) {
			t.Errorf("%s: %v", path, err)
		}
	}
	empty := filepath.Join(t.TempDir(), "empty.wasm")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadModule(empty); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("an empty file: %v", err)
	}
	large := filepath.Join(t.TempDir(), "large.wasm")
	if err := os.Truncate(write(t, large), MaxModule+1); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadModule(large); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("a large file: %v", err)
	}
}

func write(t *testing.T, path string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
