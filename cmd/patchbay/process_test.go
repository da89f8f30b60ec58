package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/testkit/upstream"
)

// process is a server in a process of its own, as an operator runs it.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	dir    string // holds patchbay.yaml and data
	url    string
	log    *safeBuffer
	ended  chan struct{} // closed when the process is over
	result error
	once   sync.Once
}

// file is the path of the configuration.
func (p *process) file() string { return filepath.Join(p.dir, "patchbay.yaml") }

func (p *process) data() string { return filepath.Join(p.dir, "data") }

// write replaces the configuration, after the lines that every one has.
func (p *process) write(text string) {
	p.t.Helper()
	head := "data_dir: " + p.data() + "\nlisten: " + strings.TrimPrefix(p.url, "http://") + "\n"
	if err := os.WriteFile(p.file()+".new", []byte(head+text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(p.file()+".new", p.file()); err != nil {
		p.t.Fatal(err)
	}
}

// spawn starts a server whose configuration is text, with the OpenAI-compatible
// plugin.
func spawn(t *testing.T, text string) *process {
	t.Helper()
	plugin, _ := examples(t)
	p := &process{t: t, dir: t.TempDir(), url: "http://" + freeAddress(t), log: new(safeBuffer), ended: make(chan struct{})}
	if err := os.Mkdir(p.data(), 0o700); err != nil {
		t.Fatal(err)
	}
	shareCache(t, p.data())
	module := filepath.Join(p.dir, "provider.wasm")
	if err := os.WriteFile(module, plugin, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := p.run("plugin", "install", module, "--yes", "--data-dir", p.data()); code != 0 {
		t.Fatalf("install: %s", out)
	}
	p.write(text)
	p.begin()
	return p
}

// begin starts the server and waits until it is ready.
func (p *process) begin() {
	p.t.Helper()
	p.ended, p.once = make(chan struct{}), sync.Once{}
	p.cmd = exec.Command("patchbay", "serve", "--config", p.file())
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	cmd, ended := p.cmd, p.ended
	go func() {
		p.result = cmd.Wait()
		close(ended)
	}()
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it is over, or is to be
		<-ended
	})
	p.eventually("ready", func() bool {
		resp, err := http.Get(p.url + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// run runs another command and returns what it printed.
func (p *process) run(args ...string) (out string, code int) {
	p.t.Helper()
	cmd := exec.Command("patchbay", args...)
	all, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return string(all), cmd.ProcessState.ExitCode()
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// exit waits for the end of the process and returns its exit code.
func (p *process) exit(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(within):
		p.t.Fatalf("still running after %v\n%s", within, p.log)
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) eventually(what string, ok func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		select {
		case <-p.ended:
			p.t.Fatalf("the server ended before it was %s\n%s", what, p.log)
		default:
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("not %s\n%s", what, p.log)
		}
	}
}

// admin asks the operator's socket.
func (p *process) admin(path string) (status int, body string, err error) {
	p.t.Helper()
	return askSocket(p.t, p.data(), path)
}

// askSocket asks the operator's socket of a data directory.
func askSocket(t *testing.T, dataDir, path string) (status int, body string, err error) {
	t.Helper()
	socket, err := admin.SocketPath(dataDir)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	resp, err := (&http.Client{Transport: transport}).Get("http://patchbay" + path)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw), err
}

// key makes a client key.
func (p *process) key() string {
	p.t.Helper()
	out, err := exec.Command("patchbay", "key", "create", "--name", "test", "--data-dir", p.data()).Output()
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// ask sends a chat completion.
func (p *process) ask(key, model string, stream bool) (*http.Response, error) {
	body := `{"model":"` + model + `","messages":[{"role":"user","content":"hi"}]}`
	if stream {
		body = `{"stream":true,` + body[1:]
	}
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	return (&http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
}

// answer sends a chat completion and returns its status.
func (p *process) answer(key, model string) int {
	resp, err := p.ask(key, model, false)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// refuses reports whether nobody listens.
func (p *process) refuses() bool {
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err == nil {
		conn.Close()
	}
	return err != nil
}

// stream opens a stream and reads its first event.
func (p *process) stream(key, model string) (*bufio.Reader, io.Closer) {
	p.t.Helper()
	resp, err := p.ask(key, model, true)
	if err != nil {
		p.t.Fatal(err)
	}
	r := bufio.NewReader(resp.Body)
	if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "data: ") {
		p.t.Fatalf("%q, %v", line, err)
	}
	return r, resp.Body
}

// credential is the text of a declared credential.
func credential(label, baseURL, key, model string) string {
	return "  - provider: openai-compatible\n    label: " + label + "\n    models: [" + model + "]\n" +
		"    set: {base_url: \"" + baseURL + "\"}\n    secrets: {api_key: " + key + "}\n"
}

// TestReloadOfAProcess: by a change of the file, by SIGHUP and by the command;
// and C-02, what is wrong keeps the old one and is told everywhere.
func TestReloadOfAProcess(t *testing.T) {
	up := upstream.New(t)
	up.On("sk-one", upstream.Completion("hello"))
	first := "credentials:\n" + credential("a", up.BaseURL(), "sk-one", "first")
	p := spawn(t, first)
	key := p.key()
	if got := p.answer(key, "first"); got != http.StatusOK {
		t.Fatalf("status %d\n%s", got, p.log)
	}

	t.Run("C04 the file is replaced", func(t *testing.T) {
		p.write("credentials:\n" + credential("a", up.BaseURL(), "sk-one", "second"))
		p.eventually("reloaded", func() bool { return p.answer(key, "second") == http.StatusOK })
	})
	t.Run("C04 an empty file is one that is being written", func(t *testing.T) {
		if err := os.Truncate(p.file(), 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(600 * time.Millisecond)
		if got := p.answer(key, "second"); got != http.StatusOK {
			t.Errorf("status %d", got)
		}
		p.write(first)
		p.eventually("reloaded", func() bool { return p.answer(key, "first") == http.StatusOK })
	})
	t.Run("C02 the file is wrong", func(t *testing.T) {
		p.write("lmits: {}\n")
		p.eventually("complaining", func() bool {
			_, body, err := p.admin("/readyz")
			return err == nil && (strings.HasPrefix(body, "ready") || strings.Contains(body, "lmits")) && strings.Contains(p.log.String(), "was not reloaded")
		})
		out, code := p.run("config", "reload", "--data-dir", p.data())
		if code != exitConfig || !strings.Contains(out, p.file()+`:3: unknown key "lmits": did you mean "limits"?`) {
			t.Errorf("exit code %d: %s", code, out)
		}
		if got := p.answer(key, "first"); got != http.StatusOK {
			t.Errorf("status %d", got)
		}
		status, err := admin.Dial(p.data())
		if err != nil {
			t.Fatal(err)
		}
		defer status.Close()
		if h, err := status.Health(t.Context()); err != nil || !h.Ready || len(h.Reasons) != 1 || !strings.Contains(h.Reasons[0], "lmits") {
			t.Errorf("%+v, %v", h, err)
		}
		p.write(first)
		p.eventually("content", func() bool { h, err := status.Health(t.Context()); return err == nil && len(h.Reasons) == 0 })
	})
	t.Run("the command", func(t *testing.T) {
		p.write("credentials:\n" + credential("a", up.BaseURL(), "sk-one", "third"))
		out, code := p.run("config", "reload", "--data-dir", p.data())
		// The change of the file may have been quicker.
		if code != 0 || p.answer(key, "third") != http.StatusOK {
			t.Errorf("exit code %d: %s", code, out)
		}
	})
	t.Run("SIGHUP", func(t *testing.T) {
		before := strings.Count(p.log.String(), "configuration reloaded")
		p.signal(syscall.SIGHUP)
		p.eventually("reloaded", func() bool { return strings.Count(p.log.String(), "configuration reloaded") > before })
	})
	if strings.Contains(p.log.String(), "sk-one") {
		t.Error("a secret is in the log")
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(20 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.log)
	}
}

// TestFaultD01SIGTERM: the server says that it is not ready, takes nothing new, and
// a stream that outlives the grace is told so in its own format.
func TestFaultD01SIGTERM(t *testing.T) {
	up := upstream.New(t)
	next := make(chan struct{})
	up.On("sk-one", upstream.Stream(next, upstream.Chunk("one"), upstream.Chunk("two"), upstream.Done))
	up.On("sk-two", upstream.Stream(make(chan struct{}), upstream.Chunk("one"), upstream.Chunk("never")))
	p := spawn(t, "limits: {shutdown_grace: 3s}\ncredentials:\n"+
		credential("a", up.BaseURL(), "sk-one", "quick")+credential("b", up.BaseURL(), "sk-two", "slow"))
	key := p.key()
	quick, c1 := p.stream(key, "quick")
	defer c1.Close()
	slow, c2 := p.stream(key, "slow")
	defer c2.Close()
	started := time.Now()
	p.signal(syscall.SIGTERM)
	p.eventually("not ready", func() bool {
		status, body, err := p.admin("/readyz")
		return err == nil && status == http.StatusServiceUnavailable && strings.Contains(body, "shutting down")
	})
	p.eventually("closed to new requests", p.refuses)
	close(next)
	if all, err := io.ReadAll(quick); err != nil || !strings.Contains(string(all), "two") || !strings.HasSuffix(string(all), upstream.Done) {
		t.Errorf("a stream within the grace: %q, %v", all, err)
	}
	all, err := io.ReadAll(slow)
	events := strings.Split(strings.TrimSpace(string(all)), "\n\n")
	if err != nil || len(events) != 1 || !strings.HasPrefix(events[0], `data: {"error":`) || !strings.Contains(events[0], "server_shutting_down") {
		t.Errorf("a stream beyond the grace: %q, %v", all, err)
	}
	if code := p.exit(10 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.log)
	}
	if took := time.Since(started); took < 2500*time.Millisecond {
		t.Errorf("the grace was %v", took)
	}
}

// TestFaultD03SecondSignal: it ends at once, and the next start finds everything.
func TestFaultD03SecondSignal(t *testing.T) {
	up := upstream.New(t)
	up.On("sk-one", upstream.Stream(make(chan struct{}), upstream.Chunk("one"), upstream.Chunk("never")))
	up.On("sk-two", upstream.Completion("hello"))
	p := spawn(t, "limits: {shutdown_grace: 10m}\ncredentials:\n"+
		credential("a", up.BaseURL(), "sk-one", "slow")+credential("b", up.BaseURL(), "sk-two", "quick"))
	key := p.key()
	for _, second := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		r, c := p.stream(key, "slow")
		p.signal(syscall.SIGTERM)
		p.eventually("stopping", p.refuses)
		made := make(chan string, 1)
		go func() { // something is written while the end comes
			out, _ := exec.Command("patchbay", "key", "create", "--name", "late", "--data-dir", p.data()).Output()
			made <- string(bytes.TrimSpace(out))
		}()
		at := time.Now()
		p.signal(second)
		code := p.exit(10 * time.Second)
		if took := time.Since(at); code != exitFailed || took > 3*time.Second {
			t.Errorf("%v: exit code %d after %v\n%s", second, code, took, p.log)
		}
		// There may just be time for a last word.
		if all, err := io.ReadAll(r); err == nil && !strings.Contains(string(all), "server_shutting_down") {
			t.Errorf("the stream ended as if it were whole: %q", all)
		}
		c.Close()
		late := <-made
		p.begin()
		for _, k := range []string{key, late} {
			if got := p.answer(k, "quick"); k != "" && got != http.StatusOK {
				t.Errorf("%v: a key is lost: status %d", second, got)
			}
		}
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(20 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.log)
	}
}

// TestProbesOfAProcess: metrics and health on the socket, and on a loopback
// address if it is configured.
func TestProbesOfAProcess(t *testing.T) {
	up := upstream.New(t)
	up.On("sk-one", upstream.Completion("hello"))
	probes := freeAddress(t)
	p := spawn(t, "admin: {listen: \""+probes+"\"}\ncredentials:\n"+credential("a", up.BaseURL(), "sk-one", "small"))
	key := p.key()
	if got := p.answer(key, "small"); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	wanted := []string{
		`patchbay_requests_total{model="small",route="/v1/chat/completions",status="200"} 1`,
		`patchbay_attempts_total{outcome="success",provider="openai-compatible"} 1`,
		`patchbay_plugin_calls_total{plugin="openai-compatible"} `,
		`patchbay_store_writes_total `,
	}
	_, onSocket, err := p.admin("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get("http://" + probes + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range wanted {
		if !strings.Contains(onSocket, want) || !strings.Contains(string(raw), want) {
			t.Errorf("no %s in\n%s", want, raw)
		}
	}
	out, code := p.run("serve", "--config", p.file(), "--data-dir", filepath.Join(p.dir, "other"), "--listen", "127.0.0.1:0")
	if code != exitAddress || !strings.Contains(out, "admin.listen") {
		t.Errorf("a second one on the same address: exit code %d: %s", code, out)
	}
}
