package main

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/ssestream"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/host/testkit/upstream"
)

// TestFaultC03ReloadStorm: a hundred wishes a second while streams run.
func TestFaultC03ReloadStorm(t *testing.T) {
	const streams, wishes = 20, 200
	up := upstream.New(t)
	next := make(chan struct{})
	pieces := []string{upstream.Chunk("one")}
	for range 40 {
		pieces = append(pieces, upstream.Chunk("."))
	}
	up.On("sk-one", upstream.Stream(next, append(pieces, upstream.Done)...))
	n, c := declares(t, up, declared("a", up.BaseURL(), "sk-one", "small"))
	var open []*ssestream.Stream[openai.ChatCompletionChunk]
	for range streams {
		open = append(open, begun(t, c, "small"))
	}
	idle := runtime.NumGoroutine()
	loads := 0
	var wg sync.WaitGroup
	var texts [streams]string
	for i, s := range open {
		wg.Go(func() {
			var err error
			if texts[i], err = rest(s); err != nil {
				t.Errorf("stream %d: %v", i, err)
			}
		})
	}
	base := n.cfg
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var asked sync.WaitGroup
	for i := range wishes {
		<-tick.C
		cfg := base
		cfg.Retry.Rounds = i
		cfg.Plugins.Instances = 2 + i%2 // a new version of the plugin each time
		cfg.Credentials = []settings.Credential{declared("a", up.BaseURL(), "sk-one", "small"), declared(fmt.Sprint("extra-", i), up.BaseURL(), fmt.Sprint("sk-", i), "small")}
		n.loads(func() (settings.Config, error) {
			loads++ // reloads are made one after another
			return cfg, nil
		})
		asked.Go(func() {
			if _, err := n.ops.ReloadConfig(t.Context()); err != nil {
				t.Error(err)
			}
		})
		if i%5 == 0 {
			for range streams {
				next <- struct{}{}
			}
		}
	}
	asked.Wait()
	close(next)
	wg.Wait()
	for i, text := range texts {
		if text != strings.Repeat(".", 40) {
			t.Errorf("stream %d went on with %q", i, text)
		}
	}
	list, err := n.ops.ListAuths(t.Context())
	if err != nil || len(list) != 2 || !slices.ContainsFunc(list, func(v admin.AuthView) bool { return v.Label == fmt.Sprint("extra-", wishes-1) }) {
		t.Errorf("the last write did not win: %+v, %v", list, err)
	}
	if loads > wishes {
		t.Errorf("%d loads for %d wishes", loads, wishes)
	}
	t.Logf("%d wishes, %d reloads", wishes, loads)
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > idle+10 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if now := runtime.NumGoroutine(); now > idle+10 {
		t.Errorf("%d goroutines, %d before", now, idle)
	}
}

// TestFaultD05ReloadUnderLoad: each reload brings a new version of the plugin,
// and no request fails.
func TestFaultD05ReloadUnderLoad(t *testing.T) {
	up := upstream.New(t)
	up.On("sk-one", upstream.Completion("hello"))
	n, c := declares(t, up, declared("a", up.BaseURL(), "sk-one", "small"))
	over := make(chan struct{})
	var wg sync.WaitGroup
	var asked atomic.Int64
	for range 8 {
		wg.Go(func() {
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
				asked.Add(1)
			}
		})
	}
	for i := range 10 {
		before := asked.Load()
		r := n.reload(func(c *settings.Config) { c.Plugins.Instances = 2 + i%2 })
		if !slices.Equal(r.Changed, []string{"plugin openai-compatible"}) {
			t.Errorf("changed %v", r.Changed)
		}
		for deadline := time.Now().Add(10 * time.Second); asked.Load() < before+20 && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
	}
	close(over)
	wg.Wait()
	_, metrics, err := askSocket(t, n.cfg.DataDir, "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	// One call of a plugin each, and those that are told by no version any more
	// are still counted.
	var calls float64
	for line := range strings.Lines(metrics) {
		if rest, ok := strings.CutPrefix(line, `patchbay_plugin_calls_total{plugin="openai-compatible"} `); ok {
			if calls, err = strconv.ParseFloat(strings.TrimSpace(rest), 64); err != nil {
				t.Fatal(err)
			}
		}
	}
	if int64(calls) < asked.Load() {
		t.Errorf("%v calls were counted for %d requests", calls, asked.Load())
	}
}
