package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/host/testkit/asm"
	"github.com/patchbay-dev/patchbay/host/testkit/upstream"
	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// handmade is a module that answers every op but init as body does, with the
// manifest of the OpenAI-compatible example, some of it replaced.
func handmade(t *testing.T, body []byte, replace ...string) []byte {
	t.Helper()
	plugin, _ := examples(t)
	manifest, ok, err := meter.Custom(plugin, abi.ManifestSection)
	if err != nil || !ok {
		t.Fatal("no manifest", err)
	}
	changed := strings.NewReplacer(replace...).Replace(string(manifest))
	out, err := meter.WithCustom(asm.Guest(nil, body).Bytes(), abi.ManifestSection, []byte(changed))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// plugin returns what the server lists of a plugin.
func (n *node) plugin(id string) admin.PluginView {
	n.t.Helper()
	list, err := n.ops.ListPlugins(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	for _, v := range list {
		if v.ID == id {
			return v
		}
	}
	return admin.PluginView{}
}

func (n *node) eventually(what string, ok func() bool) {
	n.t.Helper()
	for range 600 {
		if ok() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	n.t.Fatalf("not %s\n%s", what, n.log)
}

// TestFaultD06RollBack: a new version that cannot answer goes back to the one before
// it, with an alert, and does not come again by accident.
func TestFaultD06RollBack(t *testing.T) {
	for name, body := range map[string][]byte{"traps": asm.Unreachable(), "breaks the contract": asm.OK()} {
		t.Run(name, func(t *testing.T) {
			n, up, c := served(t)
			up.On("sk-upstream-a", upstream.Completion("fine"))
			before := n.plugin("openai-compatible")
			broken := handmade(t, body, `"version": "0.1.0"`, `"version": "0.2.0"`)
			n.install("broken.wasm", broken)
			n.eventually("rolled back", func() bool { return n.plugin("openai-compatible").SHA256 == before.SHA256 })
			if v := n.plugin("openai-compatible"); v.Version != "0.1.0" || v.Status != "active" || !strings.Contains(v.Reason, "version 0.2.0 faulted at once and was rolled back") {
				t.Errorf("%+v", v)
			}
			n.eventually("serving", func() bool {
				_, err := c.Chat.Completions.New(t.Context(), chat("small", "hi"))
				return err == nil
			})
			if !strings.Contains(n.log.String(), "was rolled back") || !strings.Contains(n.reasons(), "plugin openai-compatible: version 0.2.0 faulted at once") {
				t.Errorf("no alert: %s\n%s", n.reasons(), n.log)
			}
			_, err := n.ops.InstallPlugin(t.Context(), admin.InstallRequest{Path: "broken.wasm", Wasm: broken, Yes: true})
			if !errors.Is(err, &admin.Error{Code: admin.CodeConflict}) || !strings.Contains(fmt.Sprint(err), "tried and rolled back") {
				t.Errorf("A-12 the version that was rolled back, again: %v", err)
			}
			if _, err := n.ops.EnablePlugin(t.Context(), "openai-compatible"); err != nil {
				t.Error(err)
			}
			if got := n.reasons(); strings.Contains(got, "rolled back") {
				t.Errorf("the notice stays: %s", got)
			}
		})
	}
}

// TestFaultD06WithoutAServer: a version that was installed while no server ran is
// on trial when one starts.
func TestFaultD06WithoutAServer(t *testing.T) {
	plugin, _ := examples(t)
	dir := t.TempDir()
	file := func(name string, wasm []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, wasm, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	n := &node{t: t}
	n.cfg.DataDir = filepath.Join(dir, "data")
	shareCache(t, n.cfg.DataDir)
	n.must("plugin", "install", file("good.wasm", plugin), "--yes")
	n.must("plugin", "install", file("bad.wasm", handmade(t, asm.Unreachable(), `"version": "0.1.0"`, `"version": "0.2.0"`)))
	if out := n.must("plugin", "list"); !strings.Contains(out, "0.2.0    installed") {
		t.Fatal(out)
	}
	up := upstream.New(t, "small")
	up.On("sk-upstream-a", upstream.Completion("fine"))
	n = start(t, n.cfg.DataDir)
	n.add("a", up.BaseURL(), "sk-upstream-a") // lists its models
	n.eventually("rolled back", func() bool { return n.plugin("openai-compatible").Version == "0.1.0" })
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	// What happened is still told by the next server, and the good one serves.
	n = start(t, n.cfg.DataDir)
	if got := n.reasons(); !strings.Contains(got, "version 0.2.0 faulted at once and was rolled back") {
		t.Errorf("%q", got)
	}
	c := n.client(n.key())
	if _, err := c.Chat.Completions.New(t.Context(), chat("small", "hi")); err != nil {
		t.Error(err)
	}
}

// TestFaultP10Quarantine: a plugin that crashes again and again gets no more calls;
// its neighbour serves on, and the operator sees why.
func TestFaultP10Quarantine(t *testing.T) {
	plugin, _ := examples(t)
	up := upstream.New(t, "small")
	up.On("sk-upstream-a", upstream.Completion("fine"))
	n := start(t, t.TempDir(), func(c *settings.Config) { c.Plugins.Quarantine.Backoff = time.Hour })
	n.install("openai-compatible.wasm", plugin)
	n.add("a", up.BaseURL(), "sk-upstream-a")
	n.install("crash.wasm", handmade(t, asm.Unreachable(), `"openai-compatible"`, `"crash"`))
	if _, err := n.ops.AddAuth(t.Context(), admin.AuthSpec{
		Provider: "crash", Label: "x", Models: []string{"boom"},
		Set: map[string]string{"base_url": up.BaseURL()}, Secrets: map[string]string{"api_key": "sk-x"},
	}); err != nil {
		t.Fatal(err)
	}
	c := n.client(n.key())
	ask := func(model string) int { return statusOf(t, c, model) }
	for range 5 {
		if got := ask("boom"); got != http.StatusBadGateway {
			t.Fatalf("status %d of a crash", got)
		}
	}
	if got := ask("boom"); got != http.StatusServiceUnavailable {
		t.Errorf("status %d in quarantine", got)
	}
	if got := ask("small"); got != http.StatusOK {
		t.Errorf("status %d of the neighbour", got)
	}
	v := n.plugin("crash")
	if v.Status != "quarantined" || !strings.Contains(v.Reason, "unreachable") || !strings.Contains(v.Reason, "tried again at") {
		t.Errorf("%+v", v)
	}
	if got := n.reasons(); !strings.Contains(got, "plugin crash: in quarantine: ") || strings.Contains(got, "openai-compatible") {
		t.Errorf("readiness: %s", got)
	}
	if v, err := n.ops.EnablePlugin(t.Context(), "crash"); err != nil || v.Status != "active" {
		t.Errorf("%+v, %v", v, err)
	}
	if got := ask("boom"); got != http.StatusBadGateway {
		t.Errorf("status %d after it was enabled", got)
	}
}

// TestInstallsAtOnceAreSafe: of many versions that are installed at the same time,
// under load, one serves in the end, whole, and no request fails.
func TestInstallsAtOnceAreSafe(t *testing.T) {
	n, up, c := served(t)
	up.On("sk-upstream-a", upstream.Completion("fine"))
	plugin, _ := examples(t)
	var installs, asks sync.WaitGroup
	over := make(chan struct{})
	for range 4 {
		asks.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if _, err := c.Chat.Completions.New(t.Context(), chat("small", "hi")); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 8 {
		wasm := withVersion(t, plugin, fmt.Sprintf("0.1.%d", i+1))
		installs.Go(func() {
			if _, err := n.ops.InstallPlugin(t.Context(), admin.InstallRequest{Wasm: wasm, Yes: true, Force: true}); err != nil {
				t.Error(err)
			}
		})
	}
	installs.Wait()
	close(over)
	asks.Wait()
	v := n.plugin("openai-compatible")
	if v.Status != "active" || v.Reason != "" {
		t.Errorf("%+v", v)
	}
	files, err := filepath.Glob(filepath.Join(n.cfg.DataDir, "plugins", "*"))
	if err != nil || len(files) != 2 {
		t.Errorf("files %v, want what serves and what served before, %v", files, err)
	}
	raw, err := os.ReadFile(filepath.Join(n.cfg.DataDir, "plugins", v.SHA256+".wasm"))
	if err != nil || !bytes.Contains(raw, []byte(`"version": "`+v.Version+`"`)) {
		t.Errorf("the file of what serves: %v", err)
	}
}

// statusOf asks a model and returns the HTTP status that a client's SDK sees.
func statusOf(t *testing.T, c openai.Client, model string) int {
	t.Helper()
	_, err := c.Chat.Completions.New(t.Context(), chat(model, "hi"))
	if e, ok := errors.AsType[*openai.Error](err); ok {
		return e.StatusCode
	}
	if err != nil {
		t.Error(err)
	}
	return http.StatusOK
}
