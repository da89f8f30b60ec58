package main

import (
	"bufio"
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
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/admin"
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
