package host_test

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// TestForeignCodeMayCallBack calls every method of the manager from every kind
// of foreign code that the manager calls: none of it runs under a lock.
func TestForeignCodeMayCallBack(t *testing.T) {
	var r *rig
	var depth atomic.Int32
	var calls atomic.Int32
	everything := func(ctx context.Context) {
		if r == nil {
			return
		}
		defer depth.Add(-1)
		if depth.Add(1) > 1 { // the methods below come here again
			return
		}
		calls.Add(1)
		r.List()
		r.GetByID("a")
		r.ListModels()
		r.ProvidersForModel("m")
		r.Executor("p")
		r.SetModels("b", host.ModelInfo{ID: "m"})
		r.RefreshSchedulerEntry("b")
		r.SetRetryConfig(0, 0, 0)
		r.MarkResult(ctx, auth.Result{AuthID: "a", Model: "m", Success: true})
		r.MarkResult(ctx, auth.Result{AuthID: "b", Model: "m", Error: &auth.Error{HTTPStatus: 500}})
		for _, id := range []string{"a", "b"} {
			if _, err := r.Update(ctx, &auth.Auth{ID: id, Provider: "p"}); err != nil {
				t.Error(err)
			}
		}
		if _, err := r.Register(ctx, &auth.Auth{ID: "c", Provider: "p"}); err != nil {
			t.Error(err)
		}
		if err := r.Remove(ctx, "c"); err != nil {
			t.Error(err)
		}
		if _, err := r.Execute(ctx, []string{"p"}, request("m"), executor.Options{}); err != nil {
			t.Error(err)
		}
	}
	store := &memory{called: func(ctx context.Context, _ string) { everything(ctx) }}
	hook := &caller{call: everything}
	e := fails("p", nil)
	do := e.do
	e.do = func(ctx context.Context, a *auth.Auth, req executor.Request, opts executor.Options) (executor.Response, error) {
		everything(ctx)
		return do(ctx, a, req, opts)
	}
	rig := newRig(t, withStore(store), func(o *host.Options) {
		o.Hook = hook
		o.RoundTripperProvider = transports(func(*auth.Auth) http.RoundTripper {
			everything(context.Background())
			return http.DefaultTransport
		})
		o.Selector = chooser(func(_, _ string, auths []*auth.Auth) (*auth.Auth, error) {
			everything(context.Background())
			return auths[0], nil
		})
	})
	rig.RegisterExecutor(e)
	rig.addAll("p", "a", "b")
	r = rig

	finished := make(chan struct{})
	go func() {
		defer close(finished)
		ctx := context.Background()
		opts := executor.Options{Metadata: map[string]any{executor.SelectedAuthCallbackKey: func(string) { everything(ctx) }}}
		if _, err := r.Execute(ctx, []string{"p"}, request("m"), opts); err != nil {
			t.Error(err)
		}
		if _, err := r.Update(ctx, &auth.Auth{ID: "a", Provider: "p"}); err != nil {
			t.Error(err)
		}
		if _, err := r.Register(ctx, &auth.Auth{ID: "d", Provider: "p"}); err != nil {
			t.Error(err)
		}
		if err := r.Remove(ctx, "d"); err != nil {
			t.Error(err)
		}
		if err := r.Load(ctx); err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-finished:
	case <-time.After(30 * time.Second):
		t.Fatal("the manager is locked up")
	}
	if calls.Load() < 8 {
		t.Fatalf("only %d kinds of foreign code were reached", calls.Load())
	}
	r = nil // what Close saves is nobody's call
}

// TestI11NothingForeignRunsUnderALock: whatever foreign code calls whatever
// method of the manager that calls it, everything comes to an end.
func TestI11NothingForeignRunsUnderALock(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var m *host.Manager
		use := func(ctx context.Context, what int) {
			switch what {
			case 0:
				m.MarkResult(ctx, auth.Result{AuthID: "a", Model: "m", Error: &auth.Error{HTTPStatus: 429}})
			case 1:
				m.MarkResult(ctx, auth.Result{AuthID: "a", Model: "m", Success: true})
			case 2:
				_, _ = m.Update(ctx, &auth.Auth{ID: "b", Provider: "p"})
			case 3:
				_, _ = m.Register(ctx, &auth.Auth{ID: "c", Provider: "p"})
				_ = m.Remove(ctx, "c")
			case 4:
				_, _ = m.Execute(ctx, []string{"p"}, request("m"), executor.Options{})
			case 5:
				m.SetModels("a", host.ModelInfo{ID: "m"})
				m.SetOAuthModelAlias(nil)
			case 6:
				m.Explain([]string{"p"}, "m", executor.Options{})
				m.List()
			case 7:
				_, _ = m.ResetCooldown(ctx, "a", "")
			}
		}
		method := rapid.IntRange(0, 7)
		callbacks := map[string]int{}
		for _, kind := range []string{"store", "hook", "executor", "selector", "transport", "picked"} {
			callbacks[kind] = method.Draw(rt, kind)
		}
		var depth atomic.Int32
		back := func(kind string) func(context.Context) {
			return func(ctx context.Context) {
				defer depth.Add(-1)
				if depth.Add(1) == 1 {
					use(ctx, callbacks[kind])
				}
			}
		}
		e := fails("p", nil)
		do := e.do
		e.do = func(ctx context.Context, a *auth.Auth, req executor.Request, opts executor.Options) (executor.Response, error) {
			back("executor")(ctx)
			return do(ctx, a, req, opts)
		}
		o := host.Options{
			Store: &memory{called: func(ctx context.Context, _ string) { back("store")(ctx) }},
			Hook:  &caller{call: back("hook")},
			RoundTripperProvider: transports(func(*auth.Auth) http.RoundTripper {
				back("transport")(context.Background())
				return nil
			}),
			Logger: slog.New(slog.DiscardHandler),
		}
		if rapid.Bool().Draw(rt, "custom selector") {
			o.Selector = chooser(func(_, _ string, auths []*auth.Auth) (*auth.Auth, error) {
				back("selector")(context.Background())
				return auths[0], nil
			})
		}
		m = host.New(o)
		m.RegisterExecutor(e)
		steps := rapid.SliceOfN(method, 1, 6).Draw(rt, "steps")
		finished := make(chan struct{})
		go func() {
			defer close(finished)
			ctx := context.Background()
			for _, id := range []string{"a", "b"} {
				a := &auth.Auth{ID: id, Provider: "p"}
				a.SetDeclaredModels([]string{"m"})
				_, _ = m.Register(ctx, a)
			}
			opts := executor.Options{Metadata: map[string]any{executor.SelectedAuthCallbackKey: func(string) { back("picked")(ctx) }}}
			_, _ = m.Execute(ctx, []string{"p"}, request("m"), opts)
			for _, what := range steps {
				use(ctx, what)
			}
			_ = m.Load(ctx)
			_ = m.Close(ctx)
		}()
		select {
		case <-finished:
		case <-time.After(30 * time.Second):
			rt.Fatalf("locked up with %v and steps %v", callbacks, steps)
		}
	})
}

type caller struct{ call func(context.Context) }

func (c *caller) OnAuthRegistered(ctx context.Context, _ *auth.Auth) { c.call(ctx) }
func (c *caller) OnAuthUpdated(ctx context.Context, _ *auth.Auth)    { c.call(ctx) }
func (c *caller) OnResult(ctx context.Context, _ auth.Result)        { c.call(ctx) }

type transports func(*auth.Auth) http.RoundTripper

func (f transports) RoundTripperFor(a *auth.Auth) http.RoundTripper { return f(a) }

func TestTransportsReachTheExecutor(t *testing.T) {
	mine := &http.Transport{}
	r := newRig(t, func(o *host.Options) {
		o.RoundTripperProvider = transports(func(a *auth.Auth) http.RoundTripper {
			if a.ID == "a" {
				return mine
			}
			return nil
		})
	})
	got := map[string]http.RoundTripper{}
	r.RegisterExecutor(&provider{name: "p", do: func(ctx context.Context, a *auth.Auth, _ executor.Request, _ executor.Options) (executor.Response, error) {
		got[a.ID] = executor.RoundTripper(ctx)
		return executor.Response{Payload: []byte(a.ID)}, nil
	}})
	r.addAll("p", "a", "b")
	r.answers("a", "b")("m", "p")
	if got["a"] != http.RoundTripper(mine) || got["b"] != nil {
		t.Fatalf("transports %v", got)
	}
	r.SetRoundTripperProvider(nil)
	r.answers("a")("m", "p")
	if got["a"] != nil {
		t.Fatal("the old provider is still asked")
	}
}
