package host_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

func TestCase29UnauthorizedIsRefreshedOnce(t *testing.T) {
	t.Run("a refresh token", func(t *testing.T) {
		r := newRig(t)
		p := newIssuer("p")
		r.RegisterExecutor(p)
		r.add(expired("a", "p"), "m")
		r.add(loggedIn("b", "p"), "m")
		r.answers("a")("m", "p")
		sameList(t, "calls", p.seen(), "a", "a")
		same(t, "refreshes", p.count(), 1)
		same(t, "marks", len(r.hook.all()), 1)
		same(t, "mark", r.hook.all()[0].Success, true)
		if s := r.state("a", "m"); s.LastError != nil || s.Unavailable {
			t.Errorf("a 401 that was mended is held against the credential: %+v", s)
		}
		r.answers("b", "a")("m", "p")
		same(t, "refreshes in the end", p.count(), 1)
	})
	t.Run("none", func(t *testing.T) {
		r := newRig(t)
		p := newIssuer("p")
		r.RegisterExecutor(p)
		r.add(auth.Auth{ID: "a", Provider: "p"}, "m")
		r.add(loggedIn("b", "p"), "m")
		r.answers("b")("m", "p")
		same(t, "refreshes", p.count(), 0)
		same(t, "blocked after", r.state("a", "m").LastError.HTTPStatus, 401)
	})
	t.Run("a refresh that fails", func(t *testing.T) {
		r := newRig(t)
		p := newIssuer("p")
		p.refuse = status(500)
		r.RegisterExecutor(p)
		r.add(expired("a", "p"), "m")
		r.add(loggedIn("b", "p"), "m")
		r.answers("b")("m", "p")
		sameList(t, "calls", p.seen(), "a", "b")
		same(t, "refreshes", p.count(), 1)
		same(t, "blocked after", r.state("a", "m").LastError.HTTPStatus, 401)
	})
}

// noChance is a source of randomness that always says 0.
type noChance struct{}

func (noChance) Uint64() uint64 { return 0 }

func withoutChance(o *host.Options) { o.Rand = rand.New(noChance{}) }

// TestCase45WhenARefreshIsDue starts the loop and looks whom it asks for at once.
func TestCase45WhenARefreshIsDue(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		provider string
		in       time.Duration
		edit     func(*auth.Auth)
		due      bool
	}{
		"claude, 3 h 59 m": {"claude", 3*time.Hour + 59*time.Minute, nil, true},
		"claude, 4 h 1 m":  {"claude", 4*time.Hour + time.Minute, nil, false},
		"codex, 4 d 23 h":  {"codex", 4*day + 23*time.Hour, nil, true},
		"codex, 5 d 1 h":   {"codex", 5*day + time.Hour, nil, false},
		"an API key": {"claude", time.Minute, func(a *auth.Auth) {
			a.Attributes = map[string]string{auth.AttrAPIKey: "k"}
		}, false},
		"not before": {"claude", time.Minute, func(a *auth.Auth) { a.NextRefreshAfter = time.Now().Add(time.Hour) }, false},
		"no lead":    {"nobody", time.Minute, nil, false},
		"disabled":   {"claude", time.Minute, func(a *auth.Auth) { a.Disabled = true }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, onWallClock, withoutChance)
				p := newIssuer(c.provider)
				p.lives = 365 * day
				r.RegisterExecutor(p)
				a := loggedIn("a", c.provider, "expires_at", time.Now().Add(c.in).Format(time.RFC3339))
				if c.edit != nil {
					c.edit(&a)
				}
				r.add(a, "m")
				r.StartAutoRefresh(t.Context(), time.Second)
				defer r.StopAutoRefresh()
				synctest.Wait()
				same(t, "due", p.count() == 1, c.due)
			})
		})
	}
}

func TestCase46ARefreshThatFails(t *testing.T) {
	t.Run("is tried after 5 minutes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, onWallClock, withoutChance)
			p := newIssuer("claude")
			p.refuse = status(500)
			r.RegisterExecutor(p)
			r.add(loggedIn("a", "claude", "expires_at", time.Now().Add(3*time.Hour).Format(time.RFC3339)), "m")
			r.StartAutoRefresh(t.Context(), time.Second)
			defer r.StopAutoRefresh()
			begun := time.Now()
			synctest.Wait()
			a := r.get("a")
			same(t, "next", a.NextRefreshAfter.Equal(begun.Add(5*time.Minute)), true)
			same(t, "error", a.LastError.Message, "refresh: no")
			r.answers("a")("m", "claude")
			time.Sleep(11 * time.Minute)
			synctest.Wait()
			same(t, "refreshes", p.count(), 3)
			same(t, "third", p.refreshed[2].Sub(begun), 10*time.Minute)
		})
	})
	t.Run("two at once are one", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, onWallClock)
			p := newIssuer("p")
			p.refuse = status(500)
			p.during = func(context.Context, *auth.Auth) { time.Sleep(time.Second) }
			r.RegisterExecutor(p)
			r.add(expired("a", "p"), "m")
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() {
					if _, err := r.ask("m", "p"); statusOf(err) != 401 {
						t.Errorf("got %v", err)
					}
				})
			}
			wg.Wait()
			same(t, "refreshes", p.count(), 1)
		})
	})
}

// TestFaultU02HundredUnauthorized is the thundering herd of a token that
// has just died.
func TestFaultU02HundredUnauthorized(t *testing.T) {
	for name, refuse := range map[string]error{"it works": nil, "it fails": status(500)} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(o *host.Options) { o.Cooldown.Disabled = true })
			p := newIssuer("p")
			p.refuse = refuse
			r.RegisterExecutor(p)
			r.add(expired("a", "p"), "m")
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					if _, err := r.ask("m", "p"); (err != nil) != (refuse != nil) {
						t.Errorf("got %v", err)
					}
				})
			}
			wg.Wait()
			same(t, "refreshes", p.count(), 1)
		})
	}
}

// TestOneSecondChance: the call is made once more, not for ever, and a 401 after
// fresh tokens counts.
func TestOneSecondChance(t *testing.T) {
	r := newRig(t)
	r.SetRetryConfig(3, time.Hour, 0)
	p := newIssuer("p")
	p.do = func(context.Context, *auth.Auth, executor.Request, executor.Options) (executor.Response, error) {
		return executor.Response{}, status(401)
	}
	r.RegisterExecutor(p)
	r.add(loggedIn("a", "p"), "m")
	if _, err := r.ask("m", "p"); statusOf(err) != 401 {
		t.Fatal(err)
	}
	same(t, "calls", len(p.seen()), 2)
	same(t, "refreshes", p.count(), 1)
	same(t, "marks", len(r.hook.all()), 1)
	same(t, "blocked after", r.state("a", "m").LastError.HTTPStatus, 401)
}

func TestNoSecondChance(t *testing.T) {
	paid := &executor.UpstreamError{Status: 401, Committed: true}
	for name, c := range map[string]struct {
		err   error
		setUp func(*host.Options)
	}{
		"switched off":     {status(401), func(o *host.Options) { o.Refresh.SkipUnauthorized = true }},
		"paid for already": {paid, func(*host.Options) {}},
		"not a 401":        {status(403), func(*host.Options) {}},
	} {
		r := newRig(t, c.setUp)
		p := newIssuer("p")
		p.do = func(context.Context, *auth.Auth, executor.Request, executor.Options) (executor.Response, error) {
			return executor.Response{}, c.err
		}
		r.RegisterExecutor(p)
		r.add(loggedIn("a", "p"), "m")
		if _, err := r.ask("m", "p"); !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
		same(t, name, p.count(), 0)
	}
}

func TestUnauthorizedWhileCounting(t *testing.T) {
	r := newRig(t)
	p := newIssuer("p")
	r.RegisterExecutor(p)
	r.add(expired("a", "p"), "m")
	if _, err := r.countTokens(); err != nil {
		t.Fatal(err)
	}
	same(t, "refreshes", p.count(), 1)
}

func TestUnauthorizedAtTheBootstrap(t *testing.T) {
	r := newRig(t)
	p := newIssuer("p")
	p.flow = func(_ context.Context, a *auth.Auth, _ executor.Request, _ executor.Options) (*executor.StreamResult, error) {
		chunks := make(chan executor.StreamChunk, 1)
		defer close(chunks)
		if err := p.check(a); err != nil {
			chunks <- executor.StreamChunk{Err: err}
		} else {
			chunks <- executor.StreamChunk{Payload: []byte("hello")}
		}
		return &executor.StreamResult{Chunks: chunks}, nil
	}
	r.RegisterExecutor(p)
	r.add(expired("a", "p"), "m")
	s, err := r.open()
	if err != nil {
		t.Fatal(err)
	}
	words, err := pull(t, s)
	sameList(t, "words", words, "hello")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "refreshes", p.count(), 1)
	sameList(t, "calls", p.seen(), "a", "a")
}

// TestTheClientLeavesButTheRefreshGoesOn is R1 of faults.md section 3.
func TestTheClientLeavesButTheRefreshGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		r := newRig(t, onWallClock, withStore(store))
		p := newIssuer("p")
		p.during = func(ctx context.Context, _ *auth.Auth) {
			time.Sleep(time.Second)
			if ctx.Err() != nil || auth.SkipPersist(ctx) {
				t.Error("the client's context reached the refresh")
			}
		}
		r.RegisterExecutor(p)
		r.add(expired("a", "p"), "m")
		ctx, leave := context.WithTimeout(auth.WithSkipPersist(t.Context()), time.Millisecond)
		defer leave()
		if _, err := r.Execute(ctx, []string{"p"}, request("m"), executor.Options{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		same(t, "token in the store", store.record("a").RefreshToken(), "r1")
		r.answers("a")("m", "p")
		same(t, "refreshes", p.count(), 1)
	})
}
