package refresh_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchbay-dev/patchbay/host/refresh"
)

// bench runs a loop inside a synctest bubble, on its clock.
type bench struct {
	*refresh.Loop
	t    *testing.T
	end  context.CancelFunc
	over chan struct{}

	mu      sync.Mutex
	plans   map[string]refresh.Plan
	begun   map[string][]time.Duration // since the start
	running int
	most    int
	start   time.Time

	chance float64
	takes  time.Duration
	pause  time.Duration
	asked  int
	yes    bool
	// then is what a refresh leads to; nil means nothing.
	then func(id string) refresh.Plan
}

func newBench(t *testing.T, workers int) *bench {
	b := &bench{t: t, plans: map[string]refresh.Plan{}, begun: map[string][]time.Duration{}, over: make(chan struct{}), start: time.Now()}
	b.Loop = refresh.NewLoop(refresh.Options{
		Now: time.Now, Sleep: sleep, Workers: workers, Every: time.Minute,
		Rand:    func() float64 { return b.chance },
		Plan:    func(id string) refresh.Plan { b.mu.Lock(); defer b.mu.Unlock(); return b.plans[id] },
		Ask:     func(string) bool { b.mu.Lock(); defer b.mu.Unlock(); b.asked++; return b.yes },
		Refresh: b.refresh,
	})
	return b
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
	return ctx.Err()
}

func (b *bench) refresh(ctx context.Context, id string) time.Duration {
	b.mu.Lock()
	b.begun[id] = append(b.begun[id], time.Since(b.start))
	b.running++
	b.most = max(b.most, b.running)
	b.mu.Unlock()
	_ = sleep(ctx, b.takes)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running--
	if b.then != nil {
		b.plans[id] = b.then(id)
	}
	return b.pause
}

func (b *bench) run() {
	ctx, end := context.WithCancel(b.t.Context())
	b.end = func() { end(); <-b.over }
	go func() {
		defer close(b.over)
		b.Run(ctx)
	}()
	synctest.Wait()
}

func (b *bench) set(id string, p refresh.Plan) {
	b.mu.Lock()
	b.plans[id] = p
	b.mu.Unlock()
	b.Touch(id)
}

func (b *bench) at(id string) []time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.begun[id])
}

func (b *bench) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (b *bench) want(id string, at ...time.Duration) {
	b.t.Helper()
	if got := b.at(id); !slices.Equal(got, at) {
		b.t.Fatalf("%s was refreshed at %v, want %v", id, got, at)
	}
}

func never(string) refresh.Plan { return refresh.Plan{} }

func TestLoopKeepsDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 16)
		b.then = never
		b.set("past", refresh.Plan{At: b.start.Add(-time.Hour)})
		b.set("late", refresh.Plan{At: b.start.Add(3 * time.Hour)})
		b.set("never", refresh.Plan{})
		b.run()
		defer b.end()
		b.set("new", refresh.Plan{At: b.start.Add(time.Minute)})
		b.wait(2 * time.Hour)
		b.set("gone", refresh.Plan{At: b.start.Add(150 * time.Minute)})
		b.wait(time.Minute)
		b.set("gone", refresh.Plan{})
		b.set("late", refresh.Plan{At: b.start.Add(140 * time.Minute)})
		b.wait(2 * time.Hour)
		b.want("past", 0)
		b.want("new", time.Minute)
		b.want("late", 140*time.Minute)
		b.want("gone")
		b.want("never")
	})
}

// TestLoopSpreads: the chance is drawn once for a plan, whatever happens to the
// credential meanwhile.
func TestLoopSpreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 16)
		b.then, b.chance = never, 0.5
		p := refresh.Plan{At: b.start.Add(time.Hour), Spread: 4 * time.Minute}
		b.set("a", p)
		b.run()
		defer b.end()
		b.chance = 1
		b.set("a", p)
		b.wait(2 * time.Hour)
		b.want("a", 58*time.Minute)
	})
}

func TestLoopPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 16)
		b.set("a", refresh.Plan{At: b.start})
		b.run()
		defer b.end()
		b.wait(45 * time.Second)
		b.Touch("a")
		b.wait(20 * time.Second)
		b.want("a", 0, 30*time.Second, time.Minute)
		b.mu.Lock()
		b.pause = 5 * time.Minute
		b.mu.Unlock()
		b.wait(6 * time.Minute)
		b.want("a", 0, 30*time.Second, time.Minute, 90*time.Second, 390*time.Second)
	})
}

func TestLoopBoundsItsWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 3)
		b.takes, b.then = time.Second, never
		for i := range 10 {
			b.set(fmt.Sprint(i), refresh.Plan{At: b.start})
		}
		b.run()
		b.Touch("0", "1")
		b.wait(3500 * time.Millisecond)
		if b.most != 3 || len(b.begun) != 10 {
			t.Fatalf("at most %d at a time, %d refreshed", b.most, len(b.begun))
		}
		for id := range maps.Keys(b.begun) {
			if n := len(b.at(id)); n != 1 {
				t.Errorf("%s was refreshed %d times", id, n)
			}
		}
		// The end waits for those that run, and they hear of it.
		before := time.Now()
		b.end()
		if b.running != 0 || time.Since(before) >= time.Second {
			t.Error("the loop ended badly")
		}
	})
}

func TestLoopAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 16)
		b.set("a", refresh.Plan{At: b.start, Ask: true})
		b.run()
		defer b.end()
		b.wait(150 * time.Second)
		if b.asked != 3 {
			t.Fatalf("asked %d times", b.asked)
		}
		b.want("a")
		b.mu.Lock()
		b.yes = true
		b.mu.Unlock()
		b.wait(time.Minute)
		b.want("a", 3*time.Minute, 210*time.Second)
	})
}

// TestFaultD08LoopNoticesASetClock: a clock that jumps ahead is noticed within a minute.
func TestFaultD08LoopNoticesASetClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.then = never
		var mu sync.Mutex
		var ahead time.Duration
		clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return time.Now().Add(ahead) }
		b.Loop = refresh.NewLoop(refresh.Options{
			Now: clock, Sleep: sleep, Workers: 1, Every: time.Minute, Rand: func() float64 { return 0 },
			Plan:    func(id string) refresh.Plan { b.mu.Lock(); defer b.mu.Unlock(); return b.plans[id] },
			Refresh: b.refresh,
		})
		b.set("a", refresh.Plan{At: b.start.Add(time.Hour)})
		b.run()
		defer b.end()
		b.wait(10 * time.Second)
		mu.Lock()
		ahead = time.Hour
		mu.Unlock()
		b.wait(time.Minute)
		b.want("a", time.Minute)
	})
}
