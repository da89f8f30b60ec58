package host_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// clock is a manager's time that passes when a test says so, and for nobody who
// sleeps: a request that would wait for another round on it waits for ever. A
// test of rounds uses synctest and onWallClock.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Sleep blocks until ctx ends: a test that waits for real uses synctest.
func (c *clock) Sleep(ctx context.Context, _ time.Duration) error {
	<-ctx.Done()
	return ctx.Err()
}

// provider is an executor that does what a test says, by credential.
type provider struct {
	name string
	do   func(ctx context.Context, a *auth.Auth, req executor.Request, opts executor.Options) (executor.Response, error)
	flow func(ctx context.Context, a *auth.Auth, req executor.Request, opts executor.Options) (*executor.StreamResult, error)

	mu     sync.Mutex
	calls  []string // ids, in order
	models []string
	closed []string
}

// fails makes an executor that fails with what errs has for a credential.
func fails(name string, errs map[string]error) *provider {
	return &provider{name: name, do: func(_ context.Context, a *auth.Auth, _ executor.Request, _ executor.Options) (executor.Response, error) {
		return executor.Response{Payload: []byte(a.ID)}, errs[a.ID]
	}}
}

func (p *provider) note(a *auth.Auth, req executor.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, a.ID)
	p.models = append(p.models, req.Model)
}

func (p *provider) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

func (p *provider) Identifier() string { return p.name }

func (p *provider) Execute(ctx context.Context, a *auth.Auth, req executor.Request, opts executor.Options) (executor.Response, error) {
	p.note(a, req)
	if p.do == nil {
		return executor.Response{Payload: []byte(a.ID)}, nil
	}
	return p.do(ctx, a, req, opts)
}

func (p *provider) ExecuteStream(ctx context.Context, a *auth.Auth, req executor.Request, opts executor.Options) (*executor.StreamResult, error) {
	p.note(a, req)
	return p.flow(ctx, a, req, opts)
}

func (p *provider) Refresh(context.Context, *auth.Auth) (*auth.Auth, error) { return nil, nil }

func (p *provider) CountTokens(ctx context.Context, a *auth.Auth, req executor.Request, opts executor.Options) (executor.Response, error) {
	return p.Execute(ctx, a, req, opts)
}

func (p *provider) HttpRequest(context.Context, *auth.Auth, *http.Request) (*http.Response, error) {
	return nil, errors.New("not in this test")
}

func (p *provider) CloseExecutionSession(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = append(p.closed, id)
}

// memory is a store in memory that counts, and fails when told to.
type memory struct {
	mu      sync.Mutex
	records map[string]*auth.Auth
	saves   []string
	deletes []string
	err     error
	called  func(ctx context.Context, id string)
}

func (s *memory) List(ctx context.Context) ([]*auth.Auth, error) {
	s.call(ctx, "")
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*auth.Auth
	for _, a := range s.records {
		out = append(out, a.Clone())
	}
	return out, s.err
}

func (s *memory) Save(ctx context.Context, a *auth.Auth) (string, error) {
	s.call(ctx, a.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return "", s.err
	}
	if s.records == nil {
		s.records = map[string]*auth.Auth{}
	}
	s.saves = append(s.saves, a.ID)
	s.records[a.ID] = a.Clone()
	return a.ID, nil
}

func (s *memory) Delete(ctx context.Context, id string) error {
	s.call(ctx, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.deletes = append(s.deletes, id)
	delete(s.records, id)
	return nil
}

func (s *memory) call(ctx context.Context, id string) {
	if s.called != nil {
		s.called(ctx, id)
	}
}

func (s *memory) saved() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.saves)
}

func (s *memory) record(id string) *auth.Auth {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records[id].Clone()
}

func (s *memory) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// witness is a hook that remembers results.
type witness struct {
	auth.NoopHook
	mu      sync.Mutex
	results []auth.Result
}

func (w *witness) OnResult(_ context.Context, r auth.Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.results = append(w.results, r)
}

func (w *witness) all() []auth.Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.results)
}

// rig is a manager with what a test looks at.
type rig struct {
	*host.Manager
	t     *testing.T
	clock *clock
	hook  *witness
}

// newRig makes a manager on a fake clock; opts may change what it is made of.
func newRig(t *testing.T, opts ...func(*host.Options)) *rig {
	t.Helper()
	r := &rig{t: t, clock: newClock(), hook: &witness{}}
	o := host.Options{Clock: r.clock, Hook: r.hook, Rand: rand.New(rand.NewPCG(1, 2)), Logger: slog.New(slog.DiscardHandler)}
	for _, f := range opts {
		f(&o)
	}
	r.Manager = host.New(o)
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return r
}

func (r *rig) add(a auth.Auth, models ...string) {
	r.t.Helper()
	if _, err := r.Register(r.t.Context(), &a); err != nil {
		r.t.Fatal(err)
	}
	r.serve(a.ID, models...)
}

func (r *rig) serve(id string, models ...string) {
	var infos []host.ModelInfo
	for _, m := range models {
		infos = append(infos, host.ModelInfo{ID: m})
	}
	r.SetModels(id, infos...)
}

// addAll registers credentials of one provider that serve model m.
func (r *rig) addAll(provider string, ids ...string) {
	r.t.Helper()
	for _, id := range ids {
		r.add(auth.Auth{ID: id, Provider: provider}, "m")
	}
}

func request(model string) executor.Request { return executor.Request{Model: model} }

// ask executes once and returns the credential that answered.
func (r *rig) ask(model string, providers ...string) (string, error) {
	resp, err := r.Execute(r.t.Context(), providers, request(model), executor.Options{})
	return string(resp.Payload), err
}

func (r *rig) answers(want ...string) func(model string, providers ...string) {
	return func(model string, providers ...string) {
		r.t.Helper()
		for i, id := range want {
			got, err := r.ask(model, providers...)
			if err != nil || got != id {
				r.t.Fatalf("answer %d came from %q (%v), want %q", i, got, err, id)
			}
		}
	}
}

func (r *rig) state(id, model string) auth.ModelState {
	r.t.Helper()
	a, ok := r.GetByID(id)
	if !ok {
		r.t.Fatalf("no credential %q", id)
	}
	if s := a.ModelStates[model]; s != nil {
		return *s
	}
	return auth.ModelState{}
}

// block fails a credential's model from outside.
func (r *rig) block(id, model string, status int, hint time.Duration) {
	res := auth.Result{AuthID: id, Model: model, Error: &auth.Error{HTTPStatus: status, Message: "no"}}
	if hint > 0 {
		res.RetryAfter = &hint
	}
	r.MarkResult(r.t.Context(), res)
}

func status(code int) error { return &executor.UpstreamError{Status: code, Message: "no"} }

func hinted(code int, d time.Duration) error {
	return &executor.UpstreamError{Status: code, Message: "no", Retry: &d}
}

func statusOf(err error) int {
	var s executor.StatusError
	if errors.As(err, &s) {
		return s.StatusCode()
	}
	return 0
}

func codeOf(err error) string {
	var e *auth.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func same[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func sameList[T comparable](t *testing.T, what string, got []T, want ...T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func priority(n string) map[string]string { return map[string]string{auth.AttrPriority: n} }
