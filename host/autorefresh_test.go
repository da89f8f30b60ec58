package host_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// leading is an executor with a lead of its own.
type leading struct {
	*issuer
	lead time.Duration
}

func (l leading) RefreshLead() *time.Duration { return &l.lead }

func expiresIn(id, provider string, d time.Duration) auth.Auth {
	return loggedIn(id, provider, "expires_at", time.Now().Add(d).Format(time.RFC3339Nano))
}

// TestAutoRefreshForADay: a token that lives 8 hours is renewed every time half
// of it is left, and never late.
func TestAutoRefreshForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, onWallClock)
		p := newIssuer("claude")
		p.lives = 8 * time.Hour
		r.RegisterExecutor(p)
		r.add(expiresIn("a", "claude", 8*time.Hour), "m")
		r.StartAutoRefresh(t.Context(), 0)
		defer r.StopAutoRefresh()
		begun := time.Now()
		time.Sleep(24*time.Hour + time.Minute)
		same(t, "refreshes", p.count(), 6)
		last := begun
		for _, at := range p.refreshed {
			if age := at.Sub(last); age > 4*time.Hour || age < 4*time.Hour-5*time.Minute {
				t.Errorf("refreshed after %v", age)
			}
			last = at
		}
	})
}

func TestAutoRefreshLearnsOfChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, onWallClock, withoutChance)
		p := newIssuer("p")
		p.lives = 1000 * time.Hour
		r.add(expiresIn("a", "p", 2*time.Hour), "m")
		r.StartAutoRefresh(t.Context(), 0)
		defer r.StopAutoRefresh()
		step := func(what string, want int) {
			t.Helper()
			synctest.Wait()
			same(t, what, p.count(), want)
		}
		step("no executor", 0)
		r.RegisterExecutor(p)
		step("no lead", 0)
		r.RegisterExecutor(leading{p, time.Hour})
		step("not yet", 0)
		time.Sleep(time.Hour)
		step("by the executor's lead", 1)
		r.add(expiresIn("b", "p", time.Minute), "m")
		step("a new credential", 2)
		r.add(expiresIn("c", "p", 3*time.Hour), "m")
		step("one that has time", 2)
		r.change("c", func(a *auth.Auth) { a.Metadata["expires_at"] = time.Now().Format(time.RFC3339Nano) })
		step("an edit", 3)
		r.add(expiresIn("d", "p", 2*time.Hour), "m")
		if err := r.Remove(t.Context(), "d"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		step("one that is gone", 3)
		r.add(expiresIn("e", "q", time.Hour), "m")
		q := newIssuer("q")
		q.lives = p.lives
		r.RegisterExecutor(q)
		r.SetRefresh(settings.Refresh{Leads: map[string]time.Duration{"q": 2 * time.Hour}})
		synctest.Wait()
		same(t, "by the manager's lead", q.count(), 1)
	})
}

func TestAutoRefreshOfOnesSwitchedOff(t *testing.T) {
	for _, skip := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, onWallClock, func(o *host.Options) { o.Refresh.SkipDisabled = skip })
			p := newIssuer("claude")
			p.lives = 1000 * time.Hour
			r.RegisterExecutor(p)
			a := expiresIn("a", "claude", time.Hour)
			a.Disabled = true
			r.add(a, "m")
			r.StartAutoRefresh(t.Context(), 0)
			defer r.StopAutoRefresh()
			synctest.Wait()
			same(t, "refreshed", p.count() == 1, !skip)
			same(t, "disabled", r.get("a").Disabled, true)
			if _, err := r.ask("m", "claude"); err == nil {
				t.Error("it is picked")
			}
		})
	}
}

// moody is a runtime that decides itself.
type moody struct {
	asked atomic.Int32
	due   atomic.Bool
	t     *testing.T
}

func (m *moody) ShouldRefresh(now time.Time, a *auth.Auth) bool {
	m.asked.Add(1)
	if a.Runtime != any(m) || now.IsZero() {
		m.t.Error("it is asked about another")
	}
	a.Label = "spoilt"
	return m.due.Load()
}

func TestRuntimesThatDecide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, onWallClock)
		p := newIssuer("p")
		r.RegisterExecutor(p)
		mood := &moody{t: t}
		a := loggedIn("a", "p")
		a.Runtime = mood
		r.add(a, "m")
		r.StartAutoRefresh(t.Context(), 10*time.Second)
		defer r.StopAutoRefresh()
		time.Sleep(25 * time.Second)
		synctest.Wait()
		same(t, "asked", mood.asked.Load(), 3)
		same(t, "refreshes", p.count(), 0)
		mood.due.Store(true)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		same(t, "refreshes when due", p.count(), 1)
		same(t, "label", r.get("a").Label, "")
		if r.get("a").Runtime != any(mood) {
			t.Error("the runtime is gone")
		}
	})
}

// TestAutoRefreshEnds: Stop, another start, the parent and Close end the loop;
// Stop waits for it, and what is under way is not cut off.
func TestAutoRefreshEnds(t *testing.T) {
	for name, end := range map[string]func(r *rig, cancel func()){
		"stop":   func(r *rig, _ func()) { r.StopAutoRefresh(); r.StopAutoRefresh() },
		"parent": func(_ *rig, cancel func()) { cancel() },
		"close":  func(r *rig, _ func()) { _ = r.Close(context.Background()) },
		"two":    func(r *rig, _ func()) { r.StartAutoRefresh(r.t.Context(), 0); r.StopAutoRefresh() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, onWallClock)
				p := newIssuer("claude")
				p.during = func(ctx context.Context, _ *auth.Auth) {
					time.Sleep(time.Second)
					if ctx.Err() != nil {
						t.Error("a refresh was cut off")
					}
				}
				r.RegisterExecutor(p)
				r.add(expiresIn("a", "claude", time.Hour), "m")
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r.StartAutoRefresh(ctx, 0)
				synctest.Wait()
				same(t, "status while it runs", r.get("a").Status, auth.StatusRefreshing)
				end(r, cancel)
				time.Sleep(time.Hour)
				same(t, "refreshes", p.count(), 1)
				same(t, "token", r.get("a").RefreshToken(), "r1")
				same(t, "status", r.get("a").Status, auth.StatusActive)
			})
		})
	}
	r := newRig(t)
	r.StopAutoRefresh()
	_ = r.Close(t.Context())
	r.StartAutoRefresh(t.Context(), 0)
	r.StopAutoRefresh()
}

// TestARefreshIsBounded: an executor that hangs until its time is over is a
// refresh that failed, of which nobody knows what the provider made of it.
func TestARefreshIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, onWallClock)
		p := newIssuer("claude")
		p.during = func(ctx context.Context, _ *auth.Auth) { <-ctx.Done(); p.set(func(p *issuer) { p.refuse = ctx.Err() }) }
		r.RegisterExecutor(p)
		r.add(expiresIn("a", "claude", time.Hour), "m")
		begun := time.Now()
		if err := r.refresh("a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		same(t, "took", time.Since(begun), time.Minute)
	})
}

func TestAtMost16AtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, onWallClock)
		p, most := slowIssuer("claude")
		r.RegisterExecutor(p)
		for i := range 50 {
			r.add(expiresIn(fmt.Sprint(i), "claude", time.Hour), "m")
		}
		r.StartAutoRefresh(t.Context(), 0)
		defer r.StopAutoRefresh()
		time.Sleep(10 * time.Second)
		same(t, "at a time", most.Load(), 16)
		same(t, "refreshes", p.count(), 50)
	})
}

// TestExecutorsThatCannotRefresh are asked again now and then, and nothing is
// held against their credentials.
func TestExecutorsThatCannotRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, onWallClock)
		p := newIssuer("claude")
		p.refuse = &auth.Error{Code: auth.CodeNotSupported, Message: "cannot"}
		r.RegisterExecutor(p)
		r.add(expiresIn("a", "claude", time.Hour), "m")
		r.StartAutoRefresh(t.Context(), 0)
		defer r.StopAutoRefresh()
		time.Sleep(11 * time.Minute)
		same(t, "refreshes", p.count(), 3)
		a := r.get("a")
		if a.LastError != nil || !a.NextRefreshAfter.IsZero() || a.Status != auth.StatusActive {
			t.Errorf("held against it: %v %v", a.LastError, a.NextRefreshAfter)
		}
	})
}

// TestARefreshFromWithinOne says so instead of waiting for itself.
func TestARefreshFromWithinOne(t *testing.T) {
	hook := &caller{call: func(context.Context) {}}
	r := newRig(t, func(o *host.Options) { o.Hook = hook })
	var within, fromHook error
	p := newIssuer("p")
	p.during = func(ctx context.Context, _ *auth.Auth) { _, within = r.RefreshAuth(ctx, "a") }
	r.RegisterExecutor(p)
	r.add(loggedIn("a", "p"), "m")
	hook.call = func(ctx context.Context) { _, fromHook = r.RefreshAuth(ctx, "a") }
	if err := r.refresh("a"); err != nil {
		t.Fatal(err)
	}
	same(t, "the executor is told", codeOf(within), auth.CodeInvalidRequest)
	same(t, "the hook is told", codeOf(fromHook), auth.CodeInvalidRequest)
	hook.call = func(context.Context) {}
}

// TestTwoManagersRefreshApart: leads and clocks of one are not those of another.
func TestTwoManagersRefreshApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, other := newRig(t, onWallClock), newRig(t, onWallClock)
		count := map[*rig]*issuer{}
		for _, r := range []*rig{one, other} {
			p := newIssuer("p")
			p.lives = 1000 * time.Hour
			count[r] = p
			r.RegisterExecutor(p)
			r.add(expiresIn("a", "p", time.Hour), "m")
			r.StartAutoRefresh(t.Context(), 0)
			defer r.StopAutoRefresh()
		}
		one.lead("p", 2*time.Hour)
		synctest.Wait()
		same(t, "one", count[one].count(), 1)
		same(t, "other", count[other].count(), 0)
	})
}
