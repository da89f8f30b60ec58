package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/testkit/upstream"
)

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
