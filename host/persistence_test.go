package host_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
)

func withStore(s auth.Store) func(*host.Options) { return func(o *host.Options) { o.Store = s } }

func TestCase42WhatIsSaved(t *testing.T) {
	for _, c := range []struct {
		name  string
		ctx   func(context.Context) context.Context
		auth  auth.Auth
		saves int
	}{
		{"normal", nil, auth.Auth{ID: "a", Metadata: map[string]any{"k": "v"}}, 2},
		{"only attributes", nil, auth.Auth{ID: "a", Attributes: map[string]string{auth.AttrAPIKey: "k"}}, 2},
		// A provider may need no secret at all; its credential is kept too.
		{"nothing but a name", nil, auth.Auth{ID: "a"}, 2},
		{"runtime only", nil, auth.Auth{ID: "a", Attributes: map[string]string{auth.AttrRuntimeOnly: "True"}}, 0},
		{"skipped", host.WithSkipPersist, auth.Auth{ID: "a", Metadata: map[string]any{"k": "v"}}, 0},
	} {
		store := &memory{}
		r := newRig(t, withStore(store))
		ctx := t.Context()
		if c.ctx != nil {
			ctx = c.ctx(ctx)
		}
		if _, err := r.Register(ctx, &c.auth); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Update(ctx, &c.auth); err != nil {
			t.Fatal(err)
		}
		if got := store.saved(); got != c.saves {
			t.Errorf("%s: %d saves, want %d", c.name, got, c.saves)
		}
	}
}

func TestAFailedSaveChangesNothing(t *testing.T) {
	store := &memory{}
	r := newRig(t, withStore(store))
	r.RegisterExecutor(fails("p", nil))
	full := errors.New("disk full")
	store.fail(full)
	a := &auth.Auth{ID: "a", Provider: "p"}
	if _, err := r.Register(t.Context(), a); !errors.Is(err, full) {
		t.Fatal(err)
	}
	same(t, "credentials", len(r.List()), 0)
	store.fail(nil)
	r.addAll("p", "a")
	store.fail(full)
	if _, err := r.Update(t.Context(), &auth.Auth{ID: "a", Provider: "p", Label: "new"}); !errors.Is(err, full) {
		t.Fatal(err)
	}
	same(t, "label", r.get("a").Label, "")
	if err := r.Remove(t.Context(), "a"); !errors.Is(err, full) {
		t.Fatal(err)
	}
	r.answers("a")("m", "p")
	store.fail(nil)
	if err := r.Remove(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	same(t, "credentials", len(r.List()), 0)
	sameList(t, "deleted", store.deletes, "a")
}

func TestMarksAreSavedLaterAndTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		r := newRig(t, withStore(store), onWallClock)
		r.addAll("p", "a", "b")
		before := store.saved()
		for range 10 {
			r.block("a", "m", 500, 0)
			r.succeed("a", "m")
		}
		r.block("a", "m", 500, 0)
		same(t, "saves at once", store.saved(), before)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		same(t, "saves", store.saved(), before+1)
		if !store.record("a").ModelStates["m"].Unavailable {
			t.Fatal("the newest state was not saved")
		}
		r.succeed("b", "m")
		r.MarkResult(host.WithSkipPersist(t.Context()), auth.Result{AuthID: "b", Model: "m", Error: &auth.Error{HTTPStatus: 500}})
		time.Sleep(time.Minute)
		synctest.Wait()
		same(t, "saves of what is not to be saved", store.saved(), before+1)
	})
}

func TestAFailedBackgroundSaveIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		r := newRig(t, withStore(store), onWallClock)
		r.addAll("p", "a")
		store.fail(errors.New("locked"))
		r.block("a", "m", 500, 0)
		time.Sleep(12 * time.Second)
		store.fail(nil)
		before := store.saved()
		time.Sleep(time.Minute)
		synctest.Wait()
		same(t, "saves", store.saved(), before+1)
	})
}

func TestCloseSavesTheRest(t *testing.T) {
	store := &memory{}
	r := newRig(t, withStore(store))
	r.addAll("p", "a")
	r.block("a", "m", 500, 0)
	store.fail(errors.New("locked"))
	if err := r.Close(t.Context()); err == nil {
		t.Fatal("what could not be saved is not told")
	}
	store.fail(nil)
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !store.record("a").ModelStates["m"].Unavailable {
		t.Fatal("the state was not saved")
	}
}

func TestARemovedCredentialIsNotSavedAgain(t *testing.T) {
	store := &memory{}
	r := newRig(t, withStore(store))
	r.addAll("p", "a")
	r.block("a", "m", 500, 0)
	if err := r.Remove(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	r.block("a", "m", 500, 0)
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if store.record("a") != nil {
		t.Fatal("the record came back")
	}
}

func TestLoadReplacesEverything(t *testing.T) {
	soon := newClock().Now().Add(time.Minute)
	store := &memory{records: map[string]*auth.Auth{
		"a": {ID: "a", Provider: "p"},
		"b": {ID: "b", Provider: "p", Status: auth.StatusError, ModelStates: map[string]*auth.ModelState{
			"m": {Status: auth.StatusError, Unavailable: true, NextRetryAfter: soon, Quota: auth.QuotaState{Exceeded: true}},
			"n": {Status: auth.StatusError, Unavailable: true, NextRetryAfter: soon.Add(-time.Hour)},
		}},
		"c": {ID: "c", Provider: "p", Disabled: true},
	}}
	r := newRig(t, withStore(store))
	r.RegisterExecutor(fails("p", nil))
	if _, err := r.Register(host.WithSkipPersist(t.Context()), &auth.Auth{ID: "old", Provider: "p"}); err != nil {
		t.Fatal(err)
	}
	r.serve("old", "m")
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	same(t, "credentials", ids(r.List()), "a,b,c")
	for _, id := range []string{"a", "b", "c"} {
		r.serve(id, "m", "n")
	}
	r.answers("a", "a")("m", "p")
	r.answers("a", "b")("n", "p")
	r.clock.pass(time.Minute)
	r.answers("b", "a")("m", "p")
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.answers("b", "a")("m", "p") // models and cursors are kept

	store.fail(errors.New("damaged"))
	if err := r.Load(t.Context()); err == nil {
		t.Fatal("no error")
	}
	same(t, "credentials after a failed load", ids(r.List()), "a,b,c")
	store.fail(&auth.CorruptError{Store: "s", Records: []auth.CorruptRecord{{ID: "x"}}})
	var corrupt *auth.CorruptError
	if err := r.Load(t.Context()); !errors.As(err, &corrupt) {
		t.Fatal(err)
	}
	same(t, "credentials after a partial load", ids(r.List()), "a,b,c")
	store.fail(nil)
}

// TestSavesOfOneCredentialAreOrdered: what the store has last is what the
// manager has.
func TestSavesOfOneCredentialAreOrdered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []time.Duration
		for i := range 20 {
			waits = append(waits, time.Duration((i*7)%5)*time.Millisecond)
		}
		store := &memory{}
		r := newRig(t, withStore(store), onWallClock)
		r.addAll("p", "a")
		turn := make(chan time.Duration, len(waits))
		for _, w := range waits {
			turn <- w
		}
		store.called = func(context.Context, string) {
			select {
			case w := <-turn:
				time.Sleep(w)
			default:
			}
		}
		done := make(chan struct{})
		for i := range 20 {
			go func() {
				defer func() { done <- struct{}{} }()
				if _, err := r.Update(context.Background(), &auth.Auth{ID: "a", Provider: "p", Label: string(rune('a' + i))}); err != nil {
					t.Error(err)
				}
			}()
		}
		for range 20 {
			<-done
		}
		same(t, "label in the store", store.record("a").Label, r.get("a").Label)
	})
}

func TestWaitingForAStoreEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		r := newRig(t, withStore(store), onWallClock)
		r.addAll("p", "a")
		stuck := make(chan struct{})
		store.called = func(context.Context, string) { <-stuck }
		first := make(chan error)
		go func() {
			_, err := r.Update(context.Background(), &auth.Auth{ID: "a", Provider: "p"})
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.Update(ctx, &auth.Auth{ID: "a", Provider: "p"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		close(stuck)
		if err := <-first; err != nil {
			t.Fatal(err)
		}
	})
}

func TestStoreAndHooksGetCopies(t *testing.T) {
	store := &memory{}
	hook := &vandal{}
	r := newRig(t, withStore(store), func(o *host.Options) { o.Hook = hook })
	r.add(auth.Auth{ID: "a", Provider: "p", Metadata: map[string]any{"k": "v"}})
	r.update(*r.get("a"))
	r.succeed("a", "m")
	a := r.get("a")
	same(t, "label", a.Label, "")
	same(t, "metadata", a.Metadata["k"], any("v"))
	if !slices.Equal(hook.events, []string{"registered", "updated", "result"}) {
		t.Fatalf("events %v", hook.events)
	}
}

// vandal is a hook that changes what it is given, and then panics.
type vandal struct{ events []string }

func (v *vandal) spoil(event string, a *auth.Auth) {
	v.events = append(v.events, event)
	a.Label, a.Metadata["k"] = "spoilt", "spoilt"
	panic("hook")
}

func (v *vandal) OnAuthRegistered(_ context.Context, a *auth.Auth) { v.spoil("registered", a) }
func (v *vandal) OnAuthUpdated(_ context.Context, a *auth.Auth)    { v.spoil("updated", a) }
func (v *vandal) OnResult(context.Context, auth.Result) {
	v.events = append(v.events, "result")
	panic("hook")
}
