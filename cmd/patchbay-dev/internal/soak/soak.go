package soak

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// Options say how long and with what.
type Options struct {
	// For is how long it takes; 0 means a minute.
	For time.Duration
	// Seed of what is random. Goroutines run as they will, so the same seed makes
	// a run alike and not the same.
	Seed uint64
	// Credentials and Goroutines; 0 means 1000 and 8.
	Credentials, Goroutines int
	// Progress gets a line now and then; nil means none.
	Progress io.Writer
}

// Report says what was done, and what should not have been.
type Report struct {
	Seed uint64
	// Done counts operations by name, and Rests how often all was compared.
	Done  map[string]int64
	Rests int
	// Violations is their number; Told are the first few, in words.
	Violations int64
	Told       []string
}

// rests is how often all rest and are compared, if that takes no time.
const rests = 10

type soak struct {
	*host.Manager
	opts       Options
	clock      clock
	all        []*truth
	byID       map[string]*truth
	violations violations
	// ticks counts operations, so that one can be told to be before another.
	ticks atomic.Int64
	done  map[string]*atomic.Int64

	randMu sync.Mutex // guards rand
	rand   *rand.Rand
}

// Sleep implements host.Clock: nothing waits for this time.
func (c *clock) Sleep(ctx context.Context, _ time.Duration) error {
	<-ctx.Done()
	return ctx.Err()
}

// Run lets all goroutines work until the time is over or ctx ends. The error is
// that of a manager that cannot be set up or closed; violations are none.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.For <= 0 {
		o.For = time.Minute
	}
	if o.Credentials <= 0 {
		o.Credentials = 1000
	}
	if o.Goroutines <= 0 {
		o.Goroutines = 8
	}
	s := &soak{opts: o, byID: map[string]*truth{}, done: map[string]*atomic.Int64{}, rand: rand.New(rand.NewPCG(o.Seed, o.Seed))}
	s.clock.now.Store(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	s.Manager = host.New(host.Options{Clock: &s.clock, Rand: rand.New(rand.NewPCG(o.Seed, 1)), Logger: slog.New(slog.DiscardHandler)})
	s.RegisterExecutor(upstream{s})
	for _, op := range operations {
		s.done[op.name] = &atomic.Int64{}
	}
	for i := range o.Credentials {
		t := &truth{id: fmt.Sprintf("id-%05d", i), limit: max(0, i%10-6)}
		s.all, s.byID[t.id] = append(s.all, t), t
	}
	for _, t := range s.all {
		s.register(ctx, t)
	}
	r := &Report{Seed: o.Seed}
	end := time.Now().Add(o.For)
	for time.Now().Before(end) && ctx.Err() == nil {
		s.work(ctx, min(o.For/rests, time.Until(end)))
		s.compare(ctx)
		r.Rests++
		if o.Progress != nil {
			fmt.Fprintf(o.Progress, "soak: %d operations, %d comparisons, %d violations, %s to go\n",
				s.ticks.Load(), r.Rests, s.violations.n.Load(), max(0, time.Until(end)).Round(time.Second))
		}
	}
	r.Done = map[string]int64{}
	for name, n := range s.done {
		r.Done[name] = n.Load()
	}
	r.Violations, r.Told = s.violations.n.Load(), s.violations.told
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return r, s.Close(closing)
}

// work lets all goroutines run for a while, and returns when none does.
func (s *soak) work(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var wg sync.WaitGroup
	for range s.opts.Goroutines {
		wg.Go(func() {
			for ctx.Err() == nil {
				op := operations[s.pickOp()]
				op.do(s, context.WithoutCancel(ctx), s.all[s.roll(len(s.all))])
				s.done[op.name].Add(1)
				s.ticks.Add(1)
			}
		})
	}
	wg.Wait()
}

func (s *soak) roll(n int) int {
	s.randMu.Lock()
	defer s.randMu.Unlock()
	return s.rand.IntN(n)
}

func (s *soak) model() string { return modelNames[s.roll(len(modelNames))] }

// outcome is how a call ends: mostly well.
func (s *soak) outcome() error {
	statuses := []int{0, 0, 0, 0, 0, 0, 429, 500, 401, 403, 404}
	code := statuses[s.roll(len(statuses))]
	if code == 0 {
		return nil
	}
	return &executor.UpstreamError{Status: code, Message: "no"}
}

// forgot reports whether a credential may have been removed and added again while
// it served requests, which its count in the manager does not survive.
func (s *soak) forgot(t *truth) bool { return t.since.Load() != 0 || t.returned.Load() }

// operation is one of the things that goroutines do, as often as its share.
type operation struct {
	name  string
	share int
	do    func(s *soak, ctx context.Context, t *truth)
}

var operations = []operation{
	{"pick", 50, func(s *soak, ctx context.Context, _ *truth) { s.ask(ctx) }},
	{"stream", 10, func(s *soak, ctx context.Context, _ *truth) { s.stream(ctx) }},
	{"mark", 20, func(s *soak, ctx context.Context, t *truth) { s.mark(ctx, t) }},
	{"register", 6, func(s *soak, ctx context.Context, t *truth) { s.register(ctx, t) }},
	{"update", 5, func(s *soak, ctx context.Context, t *truth) { s.update(ctx, t) }},
	{"remove", 3, func(s *soak, ctx context.Context, t *truth) { s.remove(ctx, t) }},
	{"refresh", 3, func(s *soak, ctx context.Context, t *truth) { _, _ = s.RefreshAuth(ctx, t.id) }},
	{"reload", 1, func(s *soak, _ context.Context, _ *truth) { s.reload() }},
	{"pass", 2, func(s *soak, _ context.Context, _ *truth) {
		s.clock.pass(time.Duration(s.roll(2000)) * time.Millisecond)
	}},
}

func (s *soak) pickOp() int {
	total := 0
	for _, op := range operations {
		total += op.share
	}
	at := s.roll(total)
	for i, op := range operations {
		if at -= op.share; at < 0 {
			return i
		}
	}
	return 0
}

func (s *soak) start(ctx context.Context) context.Context {
	return context.WithValue(ctx, startKey{}, s.ticks.Add(1))
}

func (s *soak) ask(ctx context.Context) {
	_, _ = s.Execute(s.start(ctx), []string{provider}, executor.Request{Model: s.model()}, executor.Options{})
}

func (s *soak) stream(ctx context.Context) {
	in, err := s.OpenStream(s.start(ctx), []string{provider}, executor.Request{Model: s.model()}, executor.Options{})
	if err != nil {
		return
	}
	if s.roll(2) == 0 {
		for err == nil {
			_, err = in.Next()
		}
	}
	in.Close() //nolint:errcheck // it always returns nil
}

func (s *soak) mark(ctx context.Context, t *truth) {
	res := auth.Result{AuthID: t.id, Provider: provider, Model: s.model(), Started: s.clock.Now()}
	if err := s.outcome(); err == nil {
		res.Success = true
	} else {
		res.Error = &auth.Error{HTTPStatus: err.(*executor.UpstreamError).Status, Message: "no"} //nolint:errorlint // of our own make
		if hint := time.Duration(s.roll(30)) * time.Second; res.Error.HTTPStatus == http.StatusTooManyRequests && hint > 0 {
			res.RetryAfter = &hint
		}
		res.CredentialScope = s.roll(8) == 0
	}
	s.MarkResult(ctx, res)
}
