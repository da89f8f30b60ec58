package main

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/host/testkit/asm"
	"github.com/patchbay-dev/patchbay/host/testkit/upstream"
)

// TestFaultE02PoolExhausted: while the only instance of a plugin hangs, its other
// requests get 503 once they have waited, and a neighbour serves.
func TestFaultE02PoolExhausted(t *testing.T) {
	plugin, _ := examples(t)
	up := upstream.New(t, "small")
	up.On("sk-upstream-a", upstream.Completion("fine"))
	n := start(t, t.TempDir(), func(c *settings.Config) {
		c.Plugins.Instances, c.Plugins.CallTimeout, c.Plugins.QueueTimeout = 1, 4*time.Second, 100*time.Millisecond
		c.Plugins.QueueLength = 2
	})
	n.install("openai-compatible.wasm", plugin)
	n.add("a", up.BaseURL(), "sk-upstream-a")
	n.install("hang.wasm", handmade(t, append(asm.Spin(), asm.Unreachable()...), `"openai-compatible"`, `"hang"`))
	if _, err := n.ops.AddAuth(t.Context(), admin.AuthSpec{
		Provider: "hang", Label: "x", Models: []string{"stuck"},
		Set: map[string]string{"base_url": up.BaseURL()}, Secrets: map[string]string{"api_key": "sk-x"},
	}); err != nil {
		t.Fatal(err)
	}
	c := n.client(n.key())
	ask := func(model string) int { return statusOf(t, c, model) }
	var wg sync.WaitGroup
	wg.Go(func() {
		if got := ask("stuck"); got != http.StatusGatewayTimeout {
			t.Errorf("status %d of the call that hangs", got)
		}
	})
	n.eventually("hanging", func() bool {
		s, err := n.ops.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range s.Plugins {
			if p.ID == "hang" {
				return p.Leased == 1
			}
		}
		return false
	})
	for range 6 {
		wg.Go(func() {
			if got := ask("stuck"); got != http.StatusServiceUnavailable {
				t.Errorf("status %d without an instance", got)
			}
		})
	}
	if got := ask("small"); got != http.StatusOK {
		t.Errorf("status %d of the neighbour", got)
	}
	wg.Wait()
}
