package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/cmd/patchbay/internal/pluginbuild"
	"github.com/patchbay-dev/patchbay/host/testkit/wasmcache"
)

// loginPlugins are the example plugins that have to do with logins, each built
// once.
var loginPlugins = map[string]func() ([]byte, error){
	"device-login":   sync.OnceValues(func() ([]byte, error) { return buildExample("device-login") }),
	"oauth-messages": sync.OnceValues(func() ([]byte, error) { return buildExample("oauth-messages") }),
	"mail-gate":      sync.OnceValues(func() ([]byte, error) { return buildExample("mail-gate") }),
}

func buildExample(name string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "patchbay-login")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, name+".wasm")
	if err := pluginbuild.Build(context.Background(), pluginbuild.Options{
		Dir: filepath.Join("..", "..", "examples", name), Out: out, CacheDir: filepath.Join(dir, "cache"),
		Stdout: io.Discard, Stderr: os.Stderr, Version: "test",
	}); err != nil {
		return nil, err
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	return wasm, wasmcache.WarmAll(wasm)
}

// loginConfig is the operator's configuration of the examples.
const loginConfig = `plugins:
  config:
    device-login: {client_id: test-client}
    oauth-messages: {client_id: test-client, client_secret: client-secret-0123456789, scope: "inference profile"}
    mail-gate: {domains: [example.com]}
`

// loginServer is a server with example plugins.
func loginServer(t *testing.T, plugins ...string) *process {
	t.Helper()
	p := spawn(t, loginConfig)
	for _, name := range plugins {
		wasm, err := loginPlugins[name]()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(p.dir, name+".wasm")
		if err := os.WriteFile(file, wasm, 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"plugin", "install", file, "--yes", "--data-dir", p.data()}
		if name == "mail-gate" {
			args = append(args, "--grant", "post_auth:mail-gate")
		}
		if out, code := p.run(args...); code != 0 {
			t.Fatalf("install %s: %s\n%s", name, out, p.log)
		}
	}
	return p
}

// terminal is a command that a person runs: what it shows, and where he types.
type terminal struct {
	cmd    *exec.Cmd
	out    bytes.Buffer // standard output
	shown  *safeBuffer  // standard error
	typed  io.WriteCloser
	result chan error
}

// login runs patchbay auth login. Its browser is this test's: see TestMain.
func (p *process) login(args ...string) *terminal {
	p.t.Helper()
	c := &terminal{shown: new(safeBuffer), result: make(chan error, 1)}
	c.cmd = exec.Command("patchbay", append([]string{"auth", "login", "--data-dir", p.data()}, args...)...)
	c.cmd.Stdout, c.cmd.Stderr = &c.out, c.shown
	var err error
	if c.typed, err = c.cmd.StdinPipe(); err != nil {
		p.t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() { c.result <- c.cmd.Wait() }()
	p.t.Cleanup(func() { _ = c.cmd.Process.Kill() })
	return c
}

// wait waits for the end and returns the exit code and the id that was printed.
func (c *terminal) wait(t *testing.T) (id string, code int) {
	t.Helper()
	select {
	case <-c.result:
	case <-time.After(time.Minute):
		t.Fatalf("the login does not end\n%s", c.shown)
	}
	return strings.TrimSpace(c.out.String()), c.cmd.ProcessState.ExitCode()
}

func (c *terminal) sees(p *process, text string) {
	p.t.Helper()
	p.eventually("shown: "+text, func() bool { return strings.Contains(c.shown.String(), text) })
}

var pageAddress = regexp.MustCompile(`http://\S+/oauth/authorize\S*`)

// chat asks for an answer and returns it.
func (p *process) chat(key, model string, stream bool) (int, string) {
	p.t.Helper()
	resp, err := p.ask(key, model, stream)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// sealed holds that no secret is in what was shown, logged or can be asked for,
// nor in any file beside the server's. A-16.
func (p *process) sealed(o *oauthServer, texts ...string) {
	p.t.Helper()
	for _, args := range [][]string{{"auth", "list", "--json"}, {"plugin", "list", "--json"}, {"status", "--json"}, {"logs"}} {
		out, _ := p.run(append(args, "--data-dir", p.data())...)
		texts = append(texts, out)
	}
	status, metrics, err := askSocket(p.t, p.data(), "/metrics")
	if err != nil || status != http.StatusOK {
		p.t.Errorf("metrics: %d, %v", status, err)
	}
	texts = append(texts, metrics)
	files, err := o.secrets().FindFiles(p.data(), nil)
	if err != nil {
		p.t.Error(err)
	}
	for _, found := range files {
		p.t.Errorf("in a file: %s", found)
	}
	for _, text := range append(texts, p.log.String()) {
		for _, s := range o.leaked(text) {
			p.t.Errorf("%s is in:\n%s", s, text)
		}
	}
}

// TestWalk11DeviceLogin: a code for another device, polls that are answered
// with 400 until the person is done, and a credential that works.
func TestWalk11DeviceLogin(t *testing.T) {
	o := newOAuthServer(t)
	p := loginServer(t, "device-login")
	c := p.login("device-login", "--no-browser", "--set", "base_url="+o.URL(), "--set", "login_url="+o.URL())
	c.sees(p, "WDJB-MJHT")
	c.sees(p, o.URL()+"/device")
	p.eventually("polling", func() bool { return o.polls() >= 2 })
	o.approve()
	id, code := c.wait(t)
	if code != 0 || id == "" {
		t.Fatalf("exit code %d: %s\n%s", code, c.shown, p.log)
	}
	out, _ := p.run("auth", "show", id, "--json", "--data-dir", p.data())
	for _, want := range []string{`"label": "ada@example.com"`, `"email": "ada@example.com"`, `"expires_at": "`, `"state": "ready"`} {
		if !strings.Contains(out, want) {
			t.Errorf("auth show has no %s:\n%s", want, out)
		}
	}
	if strings.Contains(out, "device_code") || strings.Contains(out, "user_code") {
		t.Errorf("what was for the login only is kept:\n%s", out)
	}
	key := p.key()
	if status, body := p.chat(key, "m", false); status != http.StatusOK || !strings.Contains(body, "hello") {
		t.Errorf("%d %s", status, body)
	}
	o.revoke()
	if status, body := p.chat(key, "m", false); status != http.StatusOK {
		t.Errorf("after the access token ended: %d %s\n%s", status, body, p.log)
	}
	p.sealed(o, c.shown.String(), out)
}

// TestWalk02BrowserLogin: a browser that comes back, a refresh token that can
// be used once, and requests in the provider's own wire format. What the login
// brought survives a kill.
func TestWalk02BrowserLogin(t *testing.T) {
	o := newOAuthServer(t)
	p := loginServer(t, "oauth-messages")
	c := p.login("oauth-messages", "--label", "work", "--set", "base_url="+o.URL(), "--set", "login_url="+o.URL())
	id, code := c.wait(t)
	if code != 0 || id == "" {
		t.Fatalf("exit code %d: %s\n%s", code, c.shown, p.log)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	p.begin()
	key := p.key()
	if status, body := p.chat(key, "m", false); status != http.StatusOK || !strings.Contains(body, `"content":"hello"`) {
		t.Errorf("%d %s\n%s", status, body, p.log)
	}
	for range 2 {
		if out, code := p.run("auth", "refresh", id, "--data-dir", p.data()); code != 0 {
			t.Errorf("refresh: %s\n%s", out, p.log)
		}
	}
	if status, body := p.chat(key, "m", true); status != http.StatusOK || !strings.Contains(body, `"content":"hel"`) || !strings.Contains(body, "[DONE]") {
		t.Errorf("%d %s\n%s", status, body, p.log)
	}
	o.revoke()
	if status, body := p.chat(key, "m", false); status != http.StatusOK {
		t.Errorf("after the access token ended: %d %s\n%s", status, body, p.log)
	}
	o.mu.Lock()
	first := o.asked[0]
	o.mu.Unlock()
	if want := `{"model":"m","max_tokens":4096,"messages":[{"role":"user","content":"hi"}]}`; first != want {
		t.Errorf("the API got %s, want %s", first, want)
	}
	out, _ := p.run("auth", "show", id, "--json", "--data-dir", p.data())
	if !strings.Contains(out, `"label": "work"`) || strings.Contains(out, "code_verifier") {
		t.Errorf("auth show: %s", out)
	}
	p.sealed(o, c.shown.String(), out)
}

// TestLoginByPaste: the browser is on another machine. A17: an address of
// another login is not taken, and the right one still is.
func TestLoginByPaste(t *testing.T) {
	o := newOAuthServer(t)
	p := loginServer(t, "oauth-messages")
	c := p.login("oauth-messages", "--no-browser", "--set", "base_url="+o.URL(), "--set", "login_url="+o.URL())
	c.sees(p, "paste the address")
	page := pageAddress.FindString(c.shown.String())
	resp, err := http.DefaultTransport.RoundTrip(request(t, page))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	ended := resp.Header.Get("Location")
	if _, err := io.WriteString(c.typed, regexp.MustCompile(`state=[^&]+`).ReplaceAllString(ended, "state=another")+"\n"); err != nil {
		t.Fatal(err)
	}
	c.sees(p, "belongs to another login")
	if _, err := io.WriteString(c.typed, ended+"\n"); err != nil {
		t.Fatal(err)
	}
	id, code := c.wait(t)
	if code != 0 || id == "" {
		t.Fatalf("exit code %d: %s\n%s", code, c.shown, p.log)
	}
	// The same account again: the credential keeps its id.
	c = p.login("oauth-messages", "--replace", id)
	if again, code := c.wait(t); code != 0 || again != id {
		t.Errorf("replaced %s by %s: %s", id, again, c.shown)
	}
	p.sealed(o, c.shown.String())
}

// TestLoginCancelled: Ctrl-C ends a login, on both sides.
func TestLoginCancelled(t *testing.T) {
	o := newOAuthServer(t)
	p := loginServer(t, "device-login")
	c := p.login("device-login", "--no-browser", "--set", "base_url="+o.URL(), "--set", "login_url="+o.URL())
	c.sees(p, "WDJB-MJHT")
	if err := c.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if _, code := c.wait(t); code != exitFailed || !strings.Contains(c.shown.String(), "cancelled: nothing was stored") {
		t.Errorf("exit code %d: %s", code, c.shown)
	}
	p.eventually("forgotten", func() bool { return strings.Contains(p.log.String(), "login ended") })
	if out, _ := p.run("auth", "list", "--json", "--data-dir", p.data()); strings.TrimSpace(out) != "[]" {
		t.Errorf("stored: %s", out)
	}
}

// TestWalk10PostAuthHook: a hook rejects by the account's domain and sets the
// label, for logins and for what a command adds; nothing that it rejects is
// stored. A02: without the hook's plugin the answer is no.
func TestWalk10PostAuthHook(t *testing.T) {
	o := newOAuthServer(t)
	p := loginServer(t, "oauth-messages", "mail-gate")
	secret := filepath.Join(p.dir, "key.txt")
	if err := os.WriteFile(secret, []byte("sk-nobody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	login := func() (*terminal, string, int) {
		c := p.login("oauth-messages", "--label", "work", "--set", "base_url="+o.URL(), "--set", "login_url="+o.URL())
		id, code := c.wait(t)
		return c, id, code
	}
	o.mu.Lock()
	o.email = "eve@evil.example"
	o.mu.Unlock()
	if c, _, code := login(); code != exitFailed || !strings.Contains(c.shown.String(), "accounts of evil.example are not taken here") {
		t.Errorf("exit code %d: %s\n%s", code, c.shown, p.log)
	}
	if out, code := p.run("auth", "add", "openai-compatible", "--set", "base_url="+o.URL(), "--secret", "api_key=@"+secret, "--data-dir", p.data()); code != exitFailed || !strings.Contains(out, "rejected") {
		t.Errorf("auth add: exit code %d: %s", code, out)
	}
	if out, _ := p.run("auth", "list", "--json", "--data-dir", p.data()); strings.TrimSpace(out) != "[]" {
		t.Errorf("stored: %s", out)
	}
	o.mu.Lock()
	o.email = "ada@example.com"
	o.mu.Unlock()
	c, id, code := login()
	if code != 0 {
		t.Fatalf("exit code %d: %s\n%s", code, c.shown, p.log)
	}
	if out, _ := p.run("auth", "show", id, "--json", "--data-dir", p.data()); !strings.Contains(out, `"label": "ada@example.com"`) {
		t.Errorf("the hook set no label: %s", out)
	}
	// Without a server nobody can ask the hook.
	p.signal(syscall.SIGTERM)
	p.exit(20 * time.Second)
	if out, code := p.run("auth", "add", "openai-compatible", "--set", "base_url="+o.URL(), "--secret", "api_key=@"+secret, "--data-dir", p.data()); code != exitFailed || !strings.Contains(out, "mail-gate checks new credentials") {
		t.Errorf("auth add without a server: exit code %d: %s", code, out)
	}
}

// TestLoginRefuses: what cannot be done is said, with what can.
func TestLoginRefuses(t *testing.T) {
	o := newOAuthServer(t)
	p := loginServer(t, "device-login")
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no login":         {[]string{"openai-compatible"}, exitFailed, "patchbay auth add openai-compatible"},
		"no plugin":        {[]string{"nobody"}, exitFailed, "no installed plugin"},
		"a secret field":   {[]string{"device-login", "--set", "access_token=x"}, exitFailed, "the login brings it"},
		"unknown field":    {[]string{"device-login", "--set", "color=red"}, exitFailed, "has no field color"},
		"no credential":    {[]string{"device-login", "--replace", "x"}, exitFailed, "x"},
		"no provider":      {nil, exitUsage, "one PROVIDER"},
		"nothing is there": {[]string{"device-login", "--set", "base_url=http://127.0.0.1:1", "--set", "login_url=http://127.0.0.1:1"}, exitFailed, "device-login failed"},
		"another's answer": {[]string{"device-login", "--set", "base_url=" + o.URL(), "--set", "login_url=" + o.URL() + "/none"}, exitFailed, "404"},
	} {
		t.Run(name, func(t *testing.T) {
			term := p.login(c.args...)
			if _, code := term.wait(t); code != c.code || !strings.Contains(term.shown.String(), c.says) {
				t.Errorf("exit code %d: %s", code, term.shown)
			}
		})
	}
	p.signal(syscall.SIGTERM)
	p.exit(20 * time.Second)
	term := p.login("device-login")
	if _, code := term.wait(t); code != exitFailed || !strings.Contains(term.shown.String(), "patchbay serve") {
		t.Errorf("without a server: exit code %d: %s", code, term.shown)
	}
}

func request(t *testing.T, address string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
