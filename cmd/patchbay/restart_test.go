package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/host/testkit/upstream"
)

// TestARestartKeepsCooldowns: a credential of the configuration file that was
// refused is still kept away after a restart, and no longer with another key.
func TestARestartKeepsCooldowns(t *testing.T) {
	openaiCompatible, _ := examples(t)
	up := upstream.New(t, "small")
	dir := filepath.Join(t.TempDir(), "data")
	first := start(t, dir)
	first.install("openai-compatible", openaiCompatible)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	declared := func(key string) func(*settings.Config) {
		return func(c *settings.Config) {
			c.Credentials = []settings.Credential{{
				Provider: "openai-compatible", Label: "work", Set: map[string]string{"base_url": up.BaseURL()},
				Secrets: map[string]string{"api_key": key}, Models: []string{"small"}, AllowPrivate: true, Source: "patchbay.yaml:2",
			}}
		}
	}
	state := func(n *node) string {
		var views []admin.AuthView
		if err := json.Unmarshal([]byte(n.must("auth", "list", "--json")), &views); err != nil || len(views) != 1 {
			t.Fatal(views, err)
		}
		return views[0].State
	}
	n := start(t, dir, declared("sk-nobody"))
	c := n.client(n.key())
	if _, err := c.Chat.Completions.New(t.Context(), chat("small", "hi")); err == nil {
		t.Fatal("a wrong key was taken")
	}
	before := state(n)
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	for _, again := range []struct {
		key  string
		want string
	}{{"sk-nobody", before}, {"sk-another", admin.StateReady}} {
		n := start(t, dir, declared(again.key))
		if got := state(n); got != again.want || before == admin.StateReady {
			t.Errorf("with %s: %s, before the restart %s", again.key, got, before)
		}
		if err := n.stop(); err != nil {
			t.Fatal(err)
		}
	}
}
