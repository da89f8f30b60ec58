package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/settings"
)

// TestStopBeforeItBegan: a server that is told to stop while a provider keeps it
// waiting stops without a complaint, and makes no key that nobody would see.
func TestStopBeforeItBegan(t *testing.T) {
	module, _ := examples(t)
	asked := make(chan struct{}, 1)
	up := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(up.Close)
	dir := t.TempDir()
	n := start(t, dir)
	n.install("openai-compatible", module)
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}

	cfg := settings.Default()
	cfg.DataDir, cfg.Listen = dir, freeAddress(t)
	cfg.Credentials = []settings.Credential{{
		Provider: "openai-compatible", Label: "slow", Source: "test:1",
		Set: map[string]string{"base_url": up.URL}, Secrets: map[string]string{"api_key": "sk-slow-provider"},
	}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	var out bytes.Buffer
	log := new(safeBuffer)
	go func() { done <- serve(ctx, serving{cfg: cfg, out: &out, errs: log}) }()
	select {
	case <-asked:
	case <-time.After(time.Minute):
		t.Fatal("the provider was not asked for its models")
	}
	cancel()
	if err := <-done; err != nil || out.Len() > 0 {
		t.Errorf("%v, %q\n%s", err, &out, log)
	}
}
