package host_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

func (r *rig) change(id string, f func(a *auth.Auth)) {
	r.t.Helper()
	if _, err := r.Change(r.t.Context(), id, func(a *auth.Auth) error { f(a); return nil }); err != nil {
		r.t.Fatal(err)
	}
}

// TestChangesAreNotLost: of many edits at once each is there in the end, in
// memory and in the store.
func TestChangesAreNotLost(t *testing.T) {
	store := &memory{}
	r := newRig(t, withStore(store))
	r.addAll("p", "a")
	const n = 50
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			r.change("a", func(a *auth.Auth) {
				if a.Attributes == nil {
					a.Attributes = map[string]string{}
				}
				a.Attributes["f"+strconv.Itoa(i)] = "v"
			})
		})
		wg.Go(func() { r.block("a", "m"+strconv.Itoa(i), 500, 0) })
	}
	wg.Wait()
	same(t, "edits in memory", len(r.get("a").Attributes), n)
	same(t, "edits in the store", len(store.record("a").Attributes), n)
	same(t, "what attempts taught", len(r.get("a").ModelStates), n)
}

func TestChangeIsAllOrNothing(t *testing.T) {
	store := &memory{}
	r := newRig(t, withStore(store))
	r.addAll("p", "a")
	refusal := errors.New("not like this")
	_, err := r.Change(t.Context(), "a", func(a *auth.Auth) error { a.Label = "x"; return refusal })
	if !errors.Is(err, refusal) {
		t.Fatal(err)
	}
	store.fail(errors.New("disk full"))
	if _, err := r.Change(t.Context(), "a", func(a *auth.Auth) error { a.Label = "x"; return nil }); err == nil {
		t.Fatal("the failed save was not told")
	}
	store.fail(nil)
	if _, err := r.Change(t.Context(), "a", func(*auth.Auth) error { panic("in the edit") }); err == nil {
		t.Fatal("the panic was not told")
	}
	same(t, "label", r.get("a").Label, "")
	r.change("a", func(a *auth.Auth) { a.ID = "other"; a.Label = "y" })
	same(t, "label under the same id", r.get("a").Label, "y")
	_, err = r.Change(t.Context(), "nobody", func(*auth.Auth) error { return nil })
	same(t, "code", codeOf(err), auth.CodeAuthNotFound)
}

// TestSwitchingOffAndOnForgets is the line about Update in core.md 8.
func TestSwitchingOffAndOnForgets(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.addAll("p", "a")
	r.block("a", "m", 401, 0)
	r.change("a", func(a *auth.Auth) { a.Label = "kept" })
	if _, err := r.ask("m", "p"); err == nil {
		t.Fatal("an edit lifted the block")
	}
	r.change("a", func(a *auth.Auth) { a.Disabled = true })
	if _, err := r.ask("m", "p"); err == nil {
		t.Fatal("a credential that is off was picked")
	}
	same(t, "blocks while off", len(r.Cooldowns("a")), 0)
	r.change("a", func(a *auth.Auth) { a.Disabled = false })
	r.answers("a")("m", "p")
}

func TestResetCooldown(t *testing.T) {
	store := &memory{}
	r := newRig(t, withStore(store))
	r.RegisterExecutor(fails("p", nil))
	r.add(auth.Auth{ID: "a", Provider: "p", Prefix: "team"}, "m", "n")
	r.block("a", "m", 429, time.Hour)
	r.block("a", "n", 404, 0)
	same(t, "blocks", len(r.Cooldowns("a")), 2)

	reset, err := r.ResetCooldown(t.Context(), "a", "team/m")
	if err != nil || !reset {
		t.Fatal(reset, err)
	}
	r.answers("a")("m", "p")
	if _, err := r.ask("n", "p"); err == nil {
		t.Fatal("the other model is free too")
	}
	reset, err = r.ResetCooldown(t.Context(), "a", "m")
	if err != nil || reset {
		t.Fatal("nothing was to be reset", err)
	}
	if reset, err = r.ResetCooldown(t.Context(), "a", ""); err != nil || !reset {
		t.Fatal(reset, err)
	}
	r.answers("a")("n", "p")
	same(t, "states in the store", len(store.record("a").ModelStates), 0)
	same(t, "status", r.get("a").Status, auth.StatusActive)
	_, err = r.ResetCooldown(t.Context(), "nobody", "")
	same(t, "code", codeOf(err), auth.CodeAuthNotFound)
}

// refresher is a provider that can refresh.
type refresher struct {
	provider
	refresh func(ctx context.Context, a *auth.Auth) (*auth.Auth, error)
}

func (p *refresher) Refresh(ctx context.Context, a *auth.Auth) (*auth.Auth, error) {
	return p.refresh(ctx, a)
}

func TestRefreshAuthKeepsWhatWasEditedMeanwhile(t *testing.T) {
	store := &memory{}
	r := newRig(t, withStore(store))
	r.RegisterExecutor(&refresher{provider: provider{name: "p"}, refresh: func(ctx context.Context, a *auth.Auth) (*auth.Auth, error) {
		if _, limited := ctx.Deadline(); !limited || auth.SkipPersist(ctx) {
			t.Error("the refresh has no limit, or would save nothing")
		}
		r.change("a", func(a *auth.Auth) { a.Label = "edited"; a.Metadata["note"] = "mine" })
		a.Metadata["access_token"] = "new"
		delete(a.Metadata, "once")
		a.Label, a.Disabled = "its own", true
		return a, nil
	}})
	r.add(auth.Auth{ID: "a", Provider: "p", Metadata: map[string]any{"access_token": "old", "refresh_token": "r", "once": "x"}}, "m")
	r.clock.pass(time.Second)
	got, err := r.RefreshAuth(auth.WithSkipPersist(t.Context()), "a")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []*auth.Auth{got, r.get("a"), store.record("a")} {
		same(t, "label", a.Label, "edited")
		same(t, "disabled", a.Disabled, false)
		same(t, "fields", len(a.Metadata), 3)
		same(t, "token", a.Metadata["access_token"], any("new"))
		same(t, "note", a.Metadata["note"], any("mine"))
		same(t, "refreshed", a.LastRefreshedAt, r.clock.Now())
	}
}

// TestRefreshAuthOneAtATime: who waited for a refresh takes its result, since a
// refresh token may be good for one use. Who leaves does not end it.
func TestRefreshAuthOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var calls atomic.Int32
		leave := make(chan struct{})
		r.RegisterExecutor(&refresher{provider: provider{name: "p"}, refresh: func(context.Context, *auth.Auth) (*auth.Auth, error) {
			calls.Add(1)
			<-leave
			r.clock.pass(time.Second)
			return nil, nil
		}})
		r.add(auth.Auth{ID: "a", Provider: "p"}, "m")
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			if _, err := r.RefreshAuth(ctx, "a"); !errors.Is(err, context.Canceled) {
				t.Errorf("who left got %v", err)
			}
		}()
		for range 3 {
			go func() {
				if _, err := r.RefreshAuth(t.Context(), "a"); err != nil {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(leave)
		synctest.Wait()
		same(t, "refreshes", calls.Load(), 1)
		same(t, "refreshed", r.get("a").LastRefreshedAt, r.clock.Now())
	})
}

func TestRefreshAuthSaysWhyNot(t *testing.T) {
	r := newRig(t)
	refusal := &auth.Error{Code: auth.CodeNotSupported, Message: "cannot"}
	r.RegisterExecutor(&refresher{provider: provider{name: "p"}, refresh: func(context.Context, *auth.Auth) (*auth.Auth, error) { return nil, refusal }})
	r.addAll("p", "a")
	r.addAll("q", "b")
	for id, code := range map[string]string{"a": auth.CodeNotSupported, "b": auth.CodeExecutorNotFound, "c": auth.CodeAuthNotFound} {
		_, err := r.RefreshAuth(t.Context(), id)
		same(t, id, codeOf(err), code)
	}
	if !r.get("a").LastRefreshedAt.IsZero() {
		t.Error("a failed refresh counts")
	}
}
