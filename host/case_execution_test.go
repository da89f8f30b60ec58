package host_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

func TestCase19NoProviders(t *testing.T) {
	r := newRig(t)
	for _, providers := range [][]string{nil, {}, {"  "}} {
		_, err := r.Execute(t.Context(), providers, request("m"), executor.Options{})
		same(t, "code", codeOf(err), auth.CodeProviderNotFound)
	}
	_, err := r.ask("m", "nobody")
	same(t, "code of an unknown provider", codeOf(err), auth.CodeProviderNotFound)
	same(t, "status of an unknown provider", statusOf(err), 404)
	r.addAll("orphan", "o")
	_, err = r.ask("m", "orphan")
	same(t, "code without an executor", codeOf(err), auth.CodeExecutorNotFound)
	same(t, "status without an executor", statusOf(err), 503)
	r.RegisterExecutor(fails("Orphan", nil))
	r.answers("o")("m", "orphan")
	r.UnregisterExecutor("ORPHAN")
	_, err = r.ask("m", "orphan")
	same(t, "code after unregistering", codeOf(err), auth.CodeExecutorNotFound)
}

func TestCase20Failover(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", map[string]error{"a": status(500)}))
	r.addAll("p", "a", "b")
	r.answers("b")("m", "p")
	same(t, "wait of a", r.state("a", "m").NextRetryAfter.Sub(r.clock.Now()), time.Minute)
	same(t, "state of b", r.state("b", "m").Status, "")
	results := r.hook.all()
	same(t, "results", len(results), 2)
	if results[0].AuthID != "a" || results[0].Success || results[1].AuthID != "b" || !results[1].Success || results[1].Started.IsZero() {
		t.Fatalf("results %+v", results)
	}
}

func TestCase21MaxRetryCredentials(t *testing.T) {
	for limit, calls := range map[int]int{1: 1, 0: 2, -3: 2} {
		r := newRig(t)
		p := fails("p", map[string]error{"a": status(500), "b": status(500)})
		r.RegisterExecutor(p)
		r.addAll("p", "a", "b")
		r.SetRetryConfig(0, 0, limit)
		_, err := r.ask("m", "p")
		same(t, "status", statusOf(err), 500)
		same(t, "calls", len(p.seen()), calls)
	}
}

func TestCase22RequestFault(t *testing.T) {
	for _, fault := range []error{
		&executor.UpstreamError{Status: 400, Message: "bad", Body: []byte(`{"error":{"type":"invalid_request_error"}}`)},
		status(422),
	} {
		r := newRig(t)
		p := fails("p", map[string]error{"a": fault, "b": fault})
		r.RegisterExecutor(p)
		r.addAll("p", "a", "b")
		r.SetRetryConfig(3, time.Minute, 0)
		_, err := r.ask("m", "p")
		if !errors.Is(err, fault) || !errors.Is(host.ClientError(err), fault) {
			t.Fatalf("got %v, want %v as it was", err, fault)
		}
		sameList(t, "calls", p.seen(), "a")
		same(t, "state", r.state("a", "m"), auth.ModelState{})
	}
}

func TestCase23ModelNotSupported(t *testing.T) {
	r := newRig(t)
	p := fails("p", map[string]error{"a": &executor.UpstreamError{Status: 400, Message: "The requested model is not supported"}})
	r.RegisterExecutor(p)
	r.addAll("p", "a", "b")
	r.answers("b")("m", "p")
	same(t, "wait", r.state("a", "m").NextRetryAfter.Sub(r.clock.Now()), 12*time.Hour)
	r.answers("b", "b")("m", "p")
	sameList(t, "calls", p.seen(), "a", "b", "b", "b")
}

func TestCase24ItemNotPersisted(t *testing.T) {
	gone := &executor.UpstreamError{Status: 404, Message: "Item with id 'x' not found. Items are not persisted when `store` is set to false."}
	r := newRig(t)
	p := fails("p", map[string]error{"a": gone, "b": gone})
	r.RegisterExecutor(p)
	r.addAll("p", "a", "b")
	_, err := r.ask("m", "p")
	if !errors.Is(err, gone) {
		t.Fatal(err)
	}
	sameList(t, "calls", p.seen(), "a")
	same(t, "state", r.state("a", "m"), auth.ModelState{})
}

func TestCase25ContextEnds(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	p := &provider{name: "p", do: func(context.Context, *auth.Auth, executor.Request, executor.Options) (executor.Response, error) {
		cancel()
		return executor.Response{}, status(500)
	}}
	r.RegisterExecutor(p)
	r.addAll("p", "a", "b")
	_, err := r.Execute(ctx, []string{"p"}, request("m"), executor.Options{})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	same(t, "calls", len(p.seen()), 1)
	same(t, "marks", len(r.hook.all()), 0)
}

// onWallClock lets a manager sleep for real, inside a synctest bubble.
func onWallClock(o *host.Options) { o.Clock = nil }

func TestCase26RoundAfterAHint(t *testing.T) {
	for _, c := range []struct {
		hint  time.Duration
		calls int
	}{{2 * time.Second, 2}, {31 * time.Second, 1}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, onWallClock)
			r.SetRetryConfig(1, 30*time.Second, 0)
			var at []time.Time
			r.RegisterExecutor(&provider{name: "p", do: func(context.Context, *auth.Auth, executor.Request, executor.Options) (executor.Response, error) {
				at = append(at, time.Now())
				if len(at) == 1 {
					return executor.Response{}, hinted(429, c.hint)
				}
				return executor.Response{}, nil
			}})
			r.addAll("p", "a")
			_, err := r.ask("m", "p")
			same(t, "calls", len(at), c.calls)
			if c.calls == 1 {
				same(t, "status", statusOf(err), 429)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if wait := at[1].Sub(at[0]); wait < c.hint || wait > c.hint*5/4 {
				t.Fatalf("waited %v for a hint of %v", wait, c.hint)
			}
		})
	}
}

func TestCase27OwnRetryLimit(t *testing.T) {
	for _, c := range []struct{ own, global, calls int }{{0, 3, 1}, {1, 0, 2}, {2, 0, 3}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, onWallClock)
			r.SetRetryConfig(c.global, 30*time.Second, 0)
			p := fails("p", map[string]error{"a": hinted(429, time.Second)})
			r.RegisterExecutor(p)
			r.add(auth.Auth{ID: "a", Provider: "p", Metadata: map[string]any{"request_retry": c.own}}, "m")
			if _, err := r.ask("m", "p"); statusOf(err) != 429 {
				t.Fatal(err)
			}
			same(t, "calls", len(p.seen()), c.calls)
		})
	}
}

func TestCase28RoundsByCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, onWallClock, func(o *host.Options) { o.Cooldown.Disabled = true })
		r.SetRetryConfig(0, 30*time.Second, 0)
		p := fails("p", map[string]error{"a": status(500), "b": status(500), "c": status(500)})
		r.RegisterExecutor(p)
		for id, limit := range map[string]int{"a": 3, "b": 2, "c": 2} {
			r.add(auth.Auth{ID: id, Provider: "p", Metadata: map[string]any{"request_retry": limit}}, "m")
		}
		if _, err := r.ask("m", "p"); statusOf(err) != 500 {
			t.Fatal(err)
		}
		counts := map[string]int{}
		for _, id := range p.seen() {
			counts[id]++
		}
		if !maps.Equal(counts, map[string]int{"a": 4, "b": 3, "c": 3}) {
			t.Fatalf("calls %v", counts)
		}
	})
}

func TestWaitBetweenRoundsEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, onWallClock)
		r.SetRetryConfig(1, time.Minute, 0)
		r.RegisterExecutor(fails("p", map[string]error{"a": hinted(429, 20*time.Second)}))
		r.addAll("p", "a")
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		_, err := r.Execute(ctx, []string{"p"}, request("m"), executor.Options{})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		same(t, "waited", time.Since(began), 3*time.Second)
	})
}

func TestCase30Metadata(t *testing.T) {
	r := newRig(t)
	var requested, selected any
	r.RegisterExecutor(&provider{name: "p", do: func(_ context.Context, _ *auth.Auth, _ executor.Request, opts executor.Options) (executor.Response, error) {
		requested, selected = opts.Metadata[executor.RequestedModelKey], opts.Metadata[executor.SelectedAuthIDKey]
		opts.Metadata["written"] = "by the executor"
		return executor.Response{}, nil
	}})
	r.addAll("p", "a")
	var picked []string
	given := map[string]any{"mine": 1, executor.SelectedAuthCallbackKey: func(id string) { picked = append(picked, id) }}
	if _, err := r.Execute(t.Context(), []string{"p"}, request(" m(high) "), executor.Options{Metadata: given}); err != nil {
		t.Fatal(err)
	}
	same(t, "keys of the caller's map", len(given), 2)
	same(t, "requested_model", requested, any("m(high)"))
	same(t, "selected_auth_id", selected, any("a"))
	sameList(t, "callback", picked, "a")

	if _, err := r.Execute(t.Context(), []string{"p"}, request("m"), executor.Options{Metadata: map[string]any{executor.RequestedModelKey: "asked"}}); err != nil {
		t.Fatal(err)
	}
	same(t, "requested_model of the caller", requested, any("asked"))
}

func TestCommittedWorkIsNotRepeated(t *testing.T) {
	r := newRig(t)
	p := fails("p", map[string]error{"a": &executor.UpstreamError{Status: 500, Committed: true}})
	r.RegisterExecutor(p)
	r.addAll("p", "a", "b")
	if _, err := r.ask("m", "p"); statusOf(err) != 500 {
		t.Fatal(err)
	}
	sameList(t, "calls", p.seen(), "a")
}

func TestAnExecutorThatPanicsIsAFailure(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(&provider{name: "p", do: func(_ context.Context, a *auth.Auth, _ executor.Request, _ executor.Options) (executor.Response, error) {
		if a.ID == "a" {
			panic("executor")
		}
		return executor.Response{Payload: []byte(a.ID)}, nil
	}})
	r.addAll("p", "a", "b")
	r.answers("b")("m", "p")
}

func TestExecutorsCannotReachTheRecord(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(&provider{name: "p", do: func(_ context.Context, a *auth.Auth, _ executor.Request, _ executor.Options) (executor.Response, error) {
		a.Disabled = true
		a.Metadata["token"].(map[string]any)["access"] = "changed"
		return executor.Response{Payload: []byte(a.ID)}, nil
	}})
	r.add(auth.Auth{ID: "a", Provider: "p", Metadata: map[string]any{"token": map[string]any{"access": "one"}}}, "m")
	r.answers("a", "a")("m", "p")
	a, _ := r.GetByID("a")
	same(t, "token", a.Metadata["token"].(map[string]any)["access"], any("one"))
}

func TestClientError(t *testing.T) {
	body := &executor.UpstreamError{Status: 400, Body: []byte(`{"error":{"type":"invalid_request_error"}}`)}
	for _, c := range []struct {
		name   string
		err    error
		status int
		same   bool
	}{
		{"request fault", body, 400, true},
		{"quota", hinted(429, time.Second), 429, true},
		{"server", status(500), 500, true},
		{"no answer", status(0), 0, true},
		{"wrong key", status(401), 503, false},
		{"no money", status(402), 503, false},
		{"forbidden", status(403), 503, false},
		{"wrong key dressed as 400", &executor.UpstreamError{Status: 400, Code: "auth_invalid", Message: "API key sk-1 not valid"}, 503, false},
		{"core", &auth.Error{Code: auth.CodeModelNotFound, HTTPStatus: 404}, 404, true},
	} {
		got := host.ClientError(c.err)
		if statusOf(got) != c.status || c.same && !errors.Is(got, c.err) || !c.same && codeOf(got) != auth.CodeAuthUnavailable {
			t.Errorf("%s: %v became %v", c.name, c.err, got)
		}
	}
	if host.ClientError(nil) != nil {
		t.Error("nil became an error")
	}
}

func TestCase50ReplacingAnExecutor(t *testing.T) {
	r := newRig(t)
	first, second := fails("P", nil), fails("p ", nil)
	r.RegisterExecutor(first)
	r.RegisterExecutor(first)
	same(t, "closed after the same again", len(first.closed), 0)
	r.RegisterExecutor(second)
	sameList(t, "closed", first.closed, host.CloseAllExecutionSessionsID)
	same(t, "closed of the new one", len(second.closed), 0)
	if e, ok := r.Executor("P"); !ok || e != auth.ProviderExecutor(second) {
		t.Fatal("the new executor does not serve")
	}
}

func TestClosedManagerRefuses(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.addAll("p", "a")
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ask("m", "p"); !errors.Is(err, host.ErrClosed) {
		t.Fatal(err)
	}
	if _, err := r.Register(t.Context(), &auth.Auth{ID: "b"}); !errors.Is(err, host.ErrClosed) {
		t.Fatal(err)
	}
}

// TestHammer is core.md section 12, P1 and P2: writers, marks and picks on the
// same credential, for the race detector.
func TestHammer(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	a := auth.Auth{ID: "a", Provider: "p", ModelStates: map[string]*auth.ModelState{}}
	var models []string
	for i := range 200 {
		name := "m" + string(rune('0'+i%10)) + string(rune('0'+i/10))
		models = append(models, name)
		a.ModelStates[name] = &auth.ModelState{Status: auth.StatusActive}
	}
	a.SetDeclaredModels(models)
	r.add(a)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 150 {
				name := models[(i*7+g)%len(models)]
				switch g {
				case 0:
					if _, err := r.Register(context.Background(), &a); err != nil {
						t.Error(err)
					}
				case 1:
					r.MarkResult(context.Background(), auth.Result{AuthID: "a", Model: name, Error: &auth.Error{HTTPStatus: 500}})
					r.MarkResult(context.Background(), auth.Result{AuthID: "a", Model: name, Success: true})
				case 2:
					_, err := r.Execute(context.Background(), []string{"p"}, request(name), executor.Options{})
					if err != nil && codeOf(err) != auth.CodeAuthUnavailable {
						t.Error(err)
					}
				case 3:
					for _, a := range r.List() {
						a.ModelStates[name] = nil
					}
				}
			}
		})
	}
	wg.Wait()
}
