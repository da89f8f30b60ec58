package main

import (
	"bytes"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/testkit/upstream"
	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// TestFaultD05UpdateUnderLoad: a new version of a plugin takes over while requests and
// a stream run on the old one, and nobody notices.
func TestFaultD05UpdateUnderLoad(t *testing.T) {
	n, up, c := served(t)
	next := make(chan struct{})
	up.On("sk-upstream-a", func(w http.ResponseWriter, r *upstream.Request) {
		if bytes.Contains(r.Body, []byte(`"stream":true`)) {
			upstream.Stream(next, upstream.Chunk("one "), upstream.Chunk("two"), upstream.Done)(w, r)
			return
		}
		upstream.Completion("fine")(w, r)
	})
	old := c.Chat.Completions.NewStreaming(t.Context(), chat("small", "hi"))
	defer old.Close()
	if !old.Next() {
		t.Fatal(old.Err())
	}

	var (
		wg    sync.WaitGroup
		stop  atomic.Bool
		asked atomic.Int64
	)
	for range 8 {
		wg.Go(func() {
			for !stop.Load() {
				asked.Add(1)
				if _, err := c.Chat.Completions.New(t.Context(), chat("small", "hi")); err != nil {
					t.Errorf("a request failed during the update: %v", err)
					return
				}
			}
		})
	}
	plugin, _ := examples(t)
	for _, version := range []string{"0.2.0", "0.3.0"} {
		n.install(version+".wasm", withVersion(t, plugin, version))
	}
	stop.Store(true)
	wg.Wait()
	if asked.Load() < 8 {
		t.Errorf("only %d requests ran during the updates", asked.Load())
	}
	list, err := n.ops.ListPlugins(t.Context())
	if err != nil || len(list) != 1 || list[0].Version != "0.3.0" {
		t.Errorf("plugins %+v, %v", list, err)
	}
	close(next)
	rest := ""
	for old.Next() {
		rest += old.Current().Choices[0].Delta.Content
	}
	if old.Err() != nil || rest != "two" {
		t.Errorf("the stream on the first version went on with %q, %v", rest, old.Err())
	}
}

// withVersion is the same module with another version in its manifest.
func withVersion(t *testing.T, wasm []byte, version string) []byte {
	t.Helper()
	manifest, ok, err := meter.Custom(wasm, abi.ManifestSection)
	if err != nil || !ok {
		t.Fatal("no manifest", err)
	}
	changed := bytes.Replace(manifest, []byte(`"version": "0.1.0"`), []byte(`"version": "`+version+`"`), 1)
	if bytes.Equal(changed, manifest) {
		t.Fatalf("no version in %s", manifest)
	}
	out, err := meter.WithCustom(wasm, abi.ManifestSection, changed)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
