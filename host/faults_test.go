package host_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// TestFaultU01QuotaHints: a hint is believed within bounds, and the next
// credential answers meanwhile.
func TestFaultU01QuotaHints(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		wait time.Duration
	}{
		"absent":            {status(429), time.Second},
		"seconds":           {hinted(429, 20*time.Second), 20 * time.Second},
		"shorter than any":  {hinted(429, time.Millisecond), time.Second},
		"ten years":         {hinted(429, 10*365*24*time.Hour), time.Hour},
		"longer than times": {hinted(429, 1<<63-1), time.Hour},
		"negative":          {hinted(429, -time.Hour), time.Second},
		"zero":              {hinted(429, 0), time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.RegisterExecutor(fails("p", map[string]error{"a": c.err}))
			r.addAll("p", "a", "b")
			r.answers("b")("m", "p")
			same(t, "wait", r.state("a", "m").NextRetryAfter.Sub(r.clock.Now()), c.wait)
			r.answers("b")("m", "p")
		})
	}
}

// TestFaultU03RequestFaults: what is wrong with the request goes to the client
// as it is, costs one call, and is held against nobody.
func TestFaultU03RequestFaults(t *testing.T) {
	for name, fault := range map[string]*executor.UpstreamError{
		"400":            {Status: 400, Message: "bad"},
		"413":            {Status: 413, Message: "too large"},
		"content policy": {Status: 400, Code: "content_filter", RequestScope: true, Message: "no"},
		"policy as 403":  {Status: 403, RequestScope: true, Message: "refused by policy"},
		"too long":       {Status: 400, Body: []byte(`{"error":{"code":"context_length_exceeded"}}`)},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			p := fails("p", map[string]error{"a": fault, "b": fault})
			r.RegisterExecutor(p)
			r.addAll("p", "a", "b")
			r.SetRetryConfig(3, time.Minute, 0)
			if _, err := r.ask("m", "p"); !errors.Is(err, fault) || !errors.Is(host.ClientError(err), fault) {
				t.Fatal(err)
			}
			sameList(t, "calls", p.seen(), "a")
			same(t, "state", r.state("a", "m"), auth.ModelState{})
		})
	}
}

// TestFaultU04ServerErrors: they are retried, with a wait that differs by request,
// and never more often than the rounds allow.
func TestFaultU04ServerErrors(t *testing.T) {
	for _, code := range []int{500, 502, 503, 529} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, onWallClock, func(o *host.Options) { o.Cooldown.Disabled = true })
			r.SetRetryConfig(3, 30*time.Second, 0)
			var at []time.Time
			r.RegisterExecutor(&provider{name: "p", do: func(context.Context, *auth.Auth, executor.Request, executor.Options) (executor.Response, error) {
				at = append(at, time.Now())
				return executor.Response{}, status(code)
			}})
			r.addAll("p", "a")
			waits := map[time.Duration]bool{}
			for range 5 {
				at = nil
				if _, err := r.ask("m", "p"); statusOf(err) != code {
					t.Fatal(err)
				}
				same(t, "calls", len(at), 4)
				waits[at[3].Sub(at[0])] = true
			}
			if len(waits) < 5 {
				t.Errorf("%d: only %d different waits", code, len(waits))
			}
		})
	}
}

// TestFaultU06Silence: a stream that breaks off before its first byte fails over,
// and one that is slow but alive is not cut.
func TestFaultU06Silence(t *testing.T) {
	t.Run("headers, then nothing", func(t *testing.T) {
		silent := &executor.UpstreamError{Message: "the upstream sent nothing for 5m0s", Err: context.DeadlineExceeded}
		eachKind(t, scripts{"a": broken(silent), "b": texts("x")}, func(t *testing.T, r *rig, _ *provider) {
			r.addAll("p", "a", "b")
			res, err := r.stream()
			if err != nil {
				t.Fatal(err)
			}
			words, err := read(t, res)
			sameList(t, "words", words, "x")
			if err != nil || r.state("a", "m").Unavailable {
				t.Fatalf("%v, %+v", err, r.state("a", "m"))
			}
		})
	})
	t.Run("a word each 20 s", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, onWallClock)
			r.RegisterExecutor(&provider{name: "p", flow: func(ctx context.Context, _ *auth.Auth, _ executor.Request, _ executor.Options) (*executor.StreamResult, error) {
				chunks := make(chan executor.StreamChunk)
				go func() {
					defer close(chunks)
					for range 100 {
						time.Sleep(20 * time.Second)
						select {
						case chunks <- executor.StreamChunk{Payload: []byte("x")}:
						case <-ctx.Done():
							return
						}
					}
				}()
				return &executor.StreamResult{Chunks: chunks}, nil
			}})
			r.addAll("p", "a")
			res, err := r.stream()
			if err != nil {
				t.Fatal(err)
			}
			words, err := read(t, res)
			if len(words) != 100 || err != nil {
				t.Fatalf("%d words, %v", len(words), err)
			}
		})
	})
}

// TestFaultU07CutStreams: before the first byte another credential answers; after
// it the client gets the error, and nothing twice.
func TestFaultU07CutStreams(t *testing.T) {
	cut := &executor.UpstreamError{Status: 502, Message: "cut"}
	eachKind(t, scripts{"a": broken(cut), "b": broken(cut, "one", "two"), "c": texts("three")}, func(t *testing.T, r *rig, p *provider) {
		r.addAll("p", "a", "b", "c")
		res, err := r.stream()
		if err != nil {
			t.Fatal(err)
		}
		words, err := read(t, res)
		sameList(t, "words", words, "one", "two")
		if !errors.Is(err, cut) {
			t.Fatal(err)
		}
		sameList(t, "asked", p.seen(), "a", "b")
		sameList(t, "verdicts", r.verdicts(), "a failed", "b failed")
	})
}

// TestFaultE06Amplification: with every upstream down, the calls stay below 1.2
// times the requests, as it ships; without cooling the budget bounds them.
func TestFaultE06Amplification(t *testing.T) {
	const requests = 5_000
	for name, c := range map[string]struct {
		cooling bool
		most    int
	}{
		"as it ships":     {true, requests * 12 / 10},
		"without cooling": {false, requests*12/10 + 100}, // and what was saved up
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int64
				r := newRig(t, onWallClock, func(o *host.Options) { o.Cooldown.Disabled = !c.cooling })
				r.SetRetryConfig(3, 30*time.Second, 0)
				r.SetRetryBudget(20, 100)
				r.RegisterExecutor(&provider{name: "p", do: func(context.Context, *auth.Auth, executor.Request, executor.Options) (executor.Response, error) {
					calls.Add(1)
					return executor.Response{}, status(503)
				}})
				r.addAll("p", "a", "b", "c", "d", "e")
				done := make(chan struct{}, requests)
				for range requests { // 1,000 a second
					time.Sleep(time.Millisecond)
					go func() {
						defer func() { done <- struct{}{} }()
						if _, err := r.ask("m", "p"); err == nil {
							t.Error("an answer came from nowhere")
						}
					}()
				}
				for range requests {
					<-done
				}
				if n := int(calls.Load()); n > c.most {
					t.Errorf("%d calls for %d requests, want at most %d", n, requests, c.most)
				}
			})
		})
	}
}

// TestFaultE07ThunderingRefresh: 500 tokens that expire together are renewed in
// time, spread, and few at once.
func TestFaultE07ThunderingRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, onWallClock)
		p, most := slowIssuer("claude")
		r.RegisterExecutor(p)
		for i := range 500 {
			r.add(expiresIn(fmt.Sprintf("c%03d", i), "claude", 8*time.Hour), "m")
		}
		r.StartAutoRefresh(t.Context(), 0)
		defer r.StopAutoRefresh()
		time.Sleep(4*time.Hour + time.Minute) // the lead is 4 h
		same(t, "refreshes", p.count(), 500)
		if n := most.Load(); n > 16 {
			t.Errorf("%d at once", n)
		}
		if spread := p.refreshed[499].Sub(p.refreshed[0]); spread < 4*time.Minute {
			t.Errorf("all within %v", spread)
		}
		perSecond := map[int64]int{}
		for _, at := range p.refreshed {
			perSecond[at.Unix()]++
		}
		for second, n := range perSecond {
			if n > 16 {
				t.Errorf("%d in second %d", n, second)
			}
		}
	})
}

// TestFaultD08ClockJumps: a jump of an hour ends blocks early or makes them an hour
// longer, never eternal, and a person can end them at once.
func TestFaultD08ClockJumps(t *testing.T) {
	t.Run("forward", func(t *testing.T) {
		r := newRig(t)
		r.RegisterExecutor(fails("p", nil))
		r.addAll("p", "a")
		r.block("a", "m", 429, 50*time.Minute)
		r.clock.pass(time.Hour)
		r.answers("a", "a")("m", "p")
	})
	t.Run("back", func(t *testing.T) {
		r := newRig(t)
		r.RegisterExecutor(fails("p", nil))
		r.addAll("p", "a", "b")
		r.block("a", "m", 500, 0)
		r.clock.pass(-time.Hour)
		r.answers("b", "b")("m", "p")
		r.block("a", "m", 500, 0)
		r.clock.pass(time.Hour + time.Minute)
		ids := map[string]bool{}
		for range 2 {
			id, err := r.ask("m", "p")
			if err != nil {
				t.Fatal(err)
			}
			ids[id] = true
		}
		same(t, "who answers again", len(ids), 2)
	})
	t.Run("back, and a person", func(t *testing.T) {
		r := newRig(t)
		r.RegisterExecutor(fails("p", nil))
		r.addAll("p", "a")
		r.block("a", "m", 403, 0)
		r.clock.pass(-time.Hour)
		if reset, err := r.ResetCooldown(t.Context(), "a", ""); err != nil || !reset {
			t.Fatal(reset, err)
		}
		r.answers("a")("m", "p")
	})
}

// TestFaultA05QuotaGroups: groups of two providers, and names that could run into
// each other, share nothing.
func TestFaultA05QuotaGroups(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.StringMatching(`[ab:/|,]{1,3}`)
		type home struct{ provider, group string }
		one := home{name.Draw(rt, "provider"), name.Draw(rt, "group")}
		two := home{name.Draw(rt, "other provider"), name.Draw(rt, "other group")}
		m := host.New(host.Options{Clock: newClock()})
		defer func() { _ = m.Close(context.Background()) }()
		for id, h := range map[string]home{"1": one, "2": two} {
			_, err := m.Register(context.Background(), &auth.Auth{ID: id, Provider: h.provider, Attributes: map[string]string{auth.AttrQuotaGroup: h.group}})
			if err != nil {
				rt.Fatal(err)
			}
		}
		m.MarkResult(context.Background(), auth.Result{AuthID: "1", Model: "m", Error: &auth.Error{HTTPStatus: 429}})
		other, _ := m.GetByID("2")
		if shares := other.ModelStates["m"] != nil; shares != (one == two) {
			rt.Fatalf("%q and %q: shared %v", one, two, shares)
		}
	})
}
