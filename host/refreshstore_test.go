package host_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
)

// durable is a memory that knows what a refresh is.
type durable struct {
	memory

	logMu   sync.Mutex
	log     []string
	gens    map[string]uint64
	pending []auth.PendingRefresh
	trials  []auth.TrialRefresh
	refuse  map[string]error // by method
}

func (s *durable) note(method, format string, args ...any) error {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	s.log = append(s.log, method+fmt.Sprintf(format, args...))
	return s.refuse[method]
}

// said returns the calls since the last time.
func (s *durable) said() []string {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	said := s.log
	s.log = nil
	return said
}

func (s *durable) Begin(_ context.Context, id string, gen uint64, old string) (uint64, error) {
	what := "other"
	for _, token := range []string{"r0", "r1", "r2"} {
		if auth.TokenDigest(token) == old {
			what = token
		}
	}
	err := s.note("begin", " %s %d %s", id, gen, what)
	return s.gens[id], err
}

func (s *durable) Commit(ctx context.Context, a *auth.Auth, gen uint64) (uint64, error) {
	if err := s.note("commit", " %s %d %s", a.ID, gen, a.RefreshToken()); err != nil {
		return 0, err
	}
	if _, err := s.Save(ctx, a); err != nil {
		return 0, err
	}
	s.gens[a.ID] = gen + 1
	return gen + 1, nil
}

func (s *durable) Confirm(_ context.Context, id string, gen uint64) error {
	return s.note("confirm", " %s %d", id, gen)
}

func (s *durable) Abort(_ context.Context, id string, gen uint64, outcome auth.RefreshOutcome) error {
	return s.note("abort", " %s %d %s", id, gen, [...]string{"failed", "unknown", "superseded", "needs login"}[outcome])
}

func (s *durable) Pending(context.Context) ([]auth.PendingRefresh, error) {
	return s.pending, s.refuse["pending"]
}

func (s *durable) Trials(context.Context) ([]auth.TrialRefresh, error) {
	return s.trials, s.refuse["trials"]
}

// durableRig has one credential, of generation 4, at a provider.
func durableRig(t *testing.T, opts ...func(*host.Options)) (*rig, *durable, *issuer) {
	t.Helper()
	s := &durable{gens: map[string]uint64{"a": 4}, refuse: map[string]error{}}
	r := newRig(t, append(opts, onWallClock, withStore(s))...)
	p := newIssuer("p")
	r.RegisterExecutor(p)
	r.add(loggedIn("a", "p"), "m")
	return r, s, p
}

func TestTheProtocolOfARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, _ := durableRig(t)
		if err := r.refresh("a"); err != nil {
			t.Fatal(err)
		}
		sameList(t, "a refresh", s.said(), "begin a 0 r0", "commit a 4 r1")
		r.MarkResult(t.Context(), auth.Result{AuthID: "a", Model: "m", Success: true, Started: time.Now().Add(-time.Second)})
		synctest.Wait()
		sameList(t, "a success of the old token", s.said())
		time.Sleep(time.Second)
		r.answers("a", "a")("m", "p")
		synctest.Wait()
		sameList(t, "two of the new one", s.said(), "confirm a 5")
		if err := r.refresh("a"); err != nil {
			t.Fatal(err)
		}
		sameList(t, "another refresh", s.said(), "begin a 5 r1", "commit a 5 r2")
	})
}

func TestAbortSaysWhy(t *testing.T) {
	for want, c := range map[string]struct {
		refuse error
		during func(*rig)
	}{
		"failed":      {status(500), nil},
		"unknown":     {context.DeadlineExceeded, nil},
		"needs login": {status(400), nil},
		"superseded": {nil, func(r *rig) {
			r.change("a", func(a *auth.Auth) { a.Metadata["refresh_token"] = "login" })
		}},
	} {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, s, p := durableRig(t)
				p.refuse = c.refuse
				if want == "needs login" {
					p.refuse, p.serial["a"] = nil, 9
				}
				if c.during != nil {
					p.during = func(context.Context, *auth.Auth) { c.during(r) }
				}
				if err := r.refresh("a"); (err == nil) != (want == "superseded") {
					t.Fatal(err)
				}
				sameList(t, "calls", s.said(), "begin a 0 r0", "abort a 4 "+want)
			})
		})
	}
}

// TestNoIntentNoRefresh: when the store cannot note that a refresh begins, no
// token is risked.
func TestNoIntentNoRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, p := durableRig(t)
		s.refuse["begin"] = errFull
		if err := r.refresh("a"); err == nil {
			t.Fatal("no error")
		}
		same(t, "refreshes", p.count(), 0)
		sameList(t, "calls", s.said(), "begin a 0 r0")
		if r.get("a").LastError != nil {
			t.Error("the store's failure is held against the credential")
		}
	})
}

func TestACommitThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, p := durableRig(t)
		s.refuse["commit"] = errFull
		if err := r.refresh("a"); err == nil {
			t.Fatal("no error")
		}
		same(t, "token in use", r.get("a").RefreshToken(), "r0")
		s.logMu.Lock()
		delete(s.refuse, "commit")
		s.logMu.Unlock()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		sameList(t, "calls", s.said(), "begin a 0 r0", "commit a 4 r1", "commit a 4 r1")
		same(t, "token in use in the end", r.get("a").RefreshToken(), "r1")
		same(t, "refreshes", p.count(), 1)
	})
}

// TestThePreviousTokenIsTriedOnce is R5: a new token that never worked may be one
// that the provider never meant.
func TestThePreviousTokenIsTriedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, p := durableRig(t)
		if err := r.refresh("a"); err != nil {
			t.Fatal(err)
		}
		p.set(func(p *issuer) { p.serial["a"], p.tokens = 0, nil }) // it forgot
		time.Sleep(time.Second)
		if err := r.refresh("a"); err != nil {
			t.Fatal(err)
		}
		sameList(t, "tokens", p.tokens, "r1", "r0")
		r.answers("a")("m", "p")
		p.set(func(p *issuer) { p.serial["a"], p.tokens = 7, nil })
		if err := r.refresh("a"); codeOf(err) != auth.CodeNeedsLogin {
			t.Fatal(err)
		}
		sameList(t, "tokens after it worked", p.tokens, "r1")
	})
}

// TestANeededLoginIsSavedAtOnce: a restart neither asks again nor alerts again.
func TestANeededLoginIsSavedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, p := durableRig(t)
		p.set(func(p *issuer) { p.serial["a"] = 9 })
		if err := r.refresh("a"); codeOf(err) != auth.CodeNeedsLogin {
			t.Fatal(err)
		}
		same(t, "what the store holds", codeOf(s.record("a").LastError), auth.CodeNeedsLogin)
	})
}

// TestAFailureSettlesNothing: one token is refused, of the one before nobody knows;
// and a login that is needed stays needed when the provider then has an error of
// its own.
func TestAFailureSettlesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, p := durableRig(t)
		if err := r.refresh("a"); err != nil {
			t.Fatal(err)
		}
		s.said()
		p.set(func(p *issuer) {
			p.serial["a"] = 9
			p.during = func(_ context.Context, a *auth.Auth) {
				if a.RefreshToken() == "r0" {
					p.set(func(p *issuer) { p.refuse = status(503) })
				}
			}
		})
		if err := r.refresh("a"); err == nil || codeOf(err) == auth.CodeNeedsLogin {
			t.Fatal(err)
		}
		sameList(t, "calls", s.said(), "begin a 5 r1", "abort a 5 unknown")
		p.set(func(p *issuer) { p.refuse, p.during = nil, nil })
		if err := r.refresh("a"); codeOf(err) != auth.CodeNeedsLogin {
			t.Fatal(err)
		}
		p.set(func(p *issuer) { p.refuse = status(503) })
		if err := r.refresh("a"); err == nil {
			t.Fatal("no error")
		}
		same(t, "code", r.get("a").LastError.Code, auth.CodeNeedsLogin)
	})
}

// TestThePreviousTokenOutlivesARestart: what Confirm has not let go is tried
// after a restart too, and confirmed when it works.
func TestThePreviousTokenOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load := func() (*rig, *durable, *issuer) {
			r, s, p := durableRig(t)
			a := loggedIn("a", "p", "refresh_token", "r1")
			s.memory.records = map[string]*auth.Auth{"a": &a}
			s.trials = []auth.TrialRefresh{
				{ID: "a", Generation: 4, At: time.Now().Add(-time.Minute), Replaced: map[string]any{"refresh_token": "r0"}},
				{ID: "gone"},
			}
			if err := r.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.said()
			return r, s, p
		}
		r, _, p := load()
		if err := r.refresh("a"); err != nil {
			t.Fatal(err)
		}
		sameList(t, "tokens", p.tokens, "r1", "r0")
		r, s, _ := load()
		r.SetModels("a", host.ModelInfo{ID: "m"})
		r.MarkResult(t.Context(), auth.Result{AuthID: "a", Model: "m", Success: true, Started: time.Now()})
		synctest.Wait()
		sameList(t, "calls", s.said(), "confirm a 4")
		s.refuse["trials"] = errFull
		if err := r.Load(t.Context()); err == nil {
			t.Error("no error")
		}
	})
}

// TestAnInterruptedRefreshIsTriedOnce is R6.
func TestAnInterruptedRefreshIsTriedOnce(t *testing.T) {
	for name, lost := range map[string]bool{"the provider did nothing": false, "the answer was lost": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				since := time.Now().Add(-time.Hour).UTC()
				s := &durable{gens: map[string]uint64{"a": 4}, refuse: map[string]error{}}
				s.pending = []auth.PendingRefresh{{ID: "a", Generation: 4, Since: since}, {ID: "gone"}}
				a := loggedIn("a", "p", "expires_at", time.Now().Add(48*time.Hour).Format(time.RFC3339))
				s.records = map[string]*auth.Auth{"a": &a}
				r := newRig(t, onWallClock, withStore(s))
				p := newIssuer("p")
				if lost {
					p.serial["a"] = 1
				}
				r.RegisterExecutor(p)
				r.lead("p", time.Hour)
				r.StartAutoRefresh(t.Context(), 0)
				defer r.StopAutoRefresh()
				if err := r.Load(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
				same(t, "refreshes", p.count(), 1)
				a = *r.get("a")
				if !lost {
					same(t, "token", a.RefreshToken(), "r1")
					sameList(t, "calls", s.said(), "begin a 4 r0", "commit a 4 r1")
					return
				}
				same(t, "message", a.StatusMessage,
					"the provider takes the refresh token no more; log in again (a refresh was interrupted at "+since.Format(time.RFC3339)+")")
			})
		})
	}
}

func TestLoadSaysWhenItCannotTellWhatIsPending(t *testing.T) {
	r, s, _ := durableRig(t)
	s.refuse["pending"] = errFull
	if err := r.Load(t.Context()); err == nil {
		t.Fatal("no error")
	}
	same(t, "credentials", len(r.List()), 1)
}

func TestRuntimeOnlyTokensAreNotSaved(t *testing.T) {
	r, s, _ := durableRig(t)
	a := loggedIn("b", "p")
	a.Attributes = map[string]string{auth.AttrRuntimeOnly: "true"}
	r.add(a, "m")
	s.said()
	if err := r.refresh("b"); err != nil {
		t.Fatal(err)
	}
	same(t, "token", r.get("b").RefreshToken(), "r1")
	sameList(t, "calls", s.said())
}
