package host_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/settings"
)

var errFull = errors.New("disk full")

func (r *rig) refresh(id string) error {
	r.t.Helper()
	_, err := r.RefreshAuth(r.t.Context(), id)
	return err
}

// TestUnsavedTokensAreSeenAndSaved is R4 of faults.md section 3: new tokens that
// cannot be saved are not used, not lost, not got twice, and not passed over.
func TestUnsavedTokensAreSeenAndSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		r := newRig(t, onWallClock, withStore(store))
		p := newIssuer("p")
		r.RegisterExecutor(p)
		r.add(loggedIn("a", "p", "expires_at", time.Now().Add(time.Hour).Format(time.RFC3339)), "m")
		store.fail(errFull)
		begun := time.Now()
		if err := r.refresh("a"); !errors.Is(err, errFull) {
			t.Fatal(err)
		}
		a := r.get("a")
		same(t, "token in use", a.RefreshToken(), "r0")
		same(t, "status", a.Status, auth.StatusActive)
		if !strings.Contains(a.StatusMessage, "not saved yet: disk full") || r.List()[0].StatusMessage != a.StatusMessage {
			t.Errorf("the record says %q", a.StatusMessage)
		}
		u := r.UnsavedRefreshes()
		if len(u) != 1 || u[0].ID != "a" || !u[0].Since.Equal(begun) || !errors.Is(u[0].Err, errFull) {
			t.Errorf("unsaved: %v", u)
		}
		// Neither the operator nor a 401 nor the loop gets another token.
		r.lead("p", 2*time.Hour)
		r.StartAutoRefresh(t.Context(), time.Second)
		defer r.StopAutoRefresh()
		if err := r.refresh("a"); !errors.Is(err, errFull) {
			t.Fatal(err)
		}
		if _, err := r.ask("m", "p"); statusOf(err) != 401 {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		same(t, "refreshes", p.count(), 1)
		store.fail(nil)
		time.Sleep(time.Minute)
		same(t, "token in the store", store.record("a").RefreshToken(), "r1")
		same(t, "unsaved in the end", len(r.UnsavedRefreshes()), 0)
		same(t, "message in the end", r.get("a").StatusMessage, "")
		same(t, "message in the store", store.record("a").StatusMessage, "")
		r.answers("a")("m", "p")
	})
}

// lead lets credentials of a provider be due.
func (r *rig) lead(provider string, lead time.Duration) {
	r.SetRefresh(settings.Refresh{Leads: map[string]time.Duration{provider: lead}})
}

func TestCloseSavesTokensAndSaysWhenItCannot(t *testing.T) {
	store := &memory{}
	r := newRig(t, withStore(store))
	r.RegisterExecutor(newIssuer("p"))
	r.add(loggedIn("a", "p"), "m")
	store.fail(errFull)
	if err := r.refresh("a"); !errors.Is(err, errFull) {
		t.Fatal(err)
	}
	if err := r.Close(t.Context()); !errors.Is(err, errFull) {
		t.Fatalf("close: %v", err)
	}
	store.fail(nil)
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	same(t, "token in the store", store.record("a").RefreshToken(), "r1")
	if err := r.refresh("a"); !errors.Is(err, host.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestUnsavedTokensOfARemovedCredentialGoWithIt(t *testing.T) {
	store := &memory{}
	r := newRig(t, withStore(store))
	r.RegisterExecutor(newIssuer("p"))
	r.add(loggedIn("a", "p"), "m")
	store.fail(errFull)
	if err := r.refresh("a"); err == nil {
		t.Fatal("no error")
	}
	store.fail(nil)
	if err := r.Remove(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	same(t, "unsaved", len(r.UnsavedRefreshes()), 0)
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if store.record("a") != nil {
		t.Error("the credential came back")
	}
}

// TestARecordReadBeforeARefresh: writing it back does not bring back the tokens
// that the refresh replaced, nor what it only said for the moment.
func TestARecordReadBeforeARefresh(t *testing.T) {
	store := &memory{}
	r := newRig(t, withStore(store))
	p := newIssuer("p")
	r.RegisterExecutor(p)
	r.add(loggedIn("a", "p", "note", "old"), "m")
	stale := r.get("a")
	r.clock.pass(time.Second)
	if err := r.refresh("a"); err != nil {
		t.Fatal(err)
	}
	refreshed := r.clock.Now()
	r.clock.pass(time.Second)
	stale.Label, stale.Metadata["note"] = "edited", "new"
	stale.Status, stale.StatusMessage = auth.StatusRefreshing, "the refreshed tokens are not saved yet: x"
	for _, write := range []func(context.Context, *auth.Auth) (*auth.Auth, error){r.Update, r.Register} {
		if _, err := write(t.Context(), stale.Clone()); err != nil {
			t.Fatal(err)
		}
		for _, a := range []*auth.Auth{r.get("a"), store.record("a")} {
			same(t, "refresh token", a.RefreshToken(), "r1")
			same(t, "access token", a.AccessToken(), "a1")
			same(t, "note", a.Metadata["note"], any("new"))
			same(t, "label", a.Label, "edited")
			same(t, "refreshed", a.LastRefreshedAt, refreshed)
			same(t, "status", a.Status, auth.StatusActive)
			same(t, "message", a.StatusMessage, "")
		}
	}
	login := r.get("a")
	login.Metadata["access_token"], login.Metadata["refresh_token"] = "x", "y"
	r.update(*login)
	same(t, "token of a login", r.get("a").RefreshToken(), "y")
}

// TestOtherTokensWin is the generation of core-decisions.md section 3, item 21,
// and R5: what a refresh brings for tokens that are gone is not mixed with new
// ones.
func TestOtherTokensWin(t *testing.T) {
	for name, refuse := range map[string]error{"a refresh that works": nil, "one that fails": status(500)} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			p := newIssuer("p")
			p.refuse = refuse
			p.during = func(context.Context, *auth.Auth) {
				r.change("a", func(a *auth.Auth) { a.Metadata["refresh_token"], a.Metadata["access_token"] = "login", "in" })
			}
			r.RegisterExecutor(p)
			r.add(loggedIn("a", "p"), "m")
			got, err := r.RefreshAuth(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			same(t, "returned", got.RefreshToken(), "login")
			same(t, "in use", r.get("a").AccessToken(), "in")
			if r.get("a").LastError != nil {
				t.Error("the failure is held against the new tokens")
			}
		})
	}
}

// TestOtherTokensWhileUnsaved: a login ends the wait for a save, and refreshing
// goes on from there.
func TestOtherTokensWhileUnsaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		r := newRig(t, onWallClock, withStore(store))
		p := newIssuer("p")
		p.lives = 1000 * time.Hour
		r.RegisterExecutor(p)
		r.lead("p", time.Hour)
		r.add(expiresIn("a", "p", 2*time.Hour), "m")
		r.StartAutoRefresh(t.Context(), 0)
		defer r.StopAutoRefresh()
		store.fail(errFull)
		if err := r.refresh("a"); !errors.Is(err, errFull) {
			t.Fatal(err)
		}
		p.set(func(p *issuer) { p.serial["a"] = 5 })
		store.fail(nil)
		r.change("a", func(a *auth.Auth) { a.Metadata["refresh_token"] = "r5" })
		time.Sleep(time.Minute)
		same(t, "unsaved", len(r.UnsavedRefreshes()), 0)
		same(t, "token", r.get("a").RefreshToken(), "r5")
		time.Sleep(2 * time.Hour)
		same(t, "token in time", r.get("a").RefreshToken(), "r6")
	})
}

func TestNeedsLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		r := newRig(t, onWallClock, withStore(store))
		p := newIssuer("p")
		p.lives = 24 * time.Hour
		p.serial["a"] = 7 // somebody else used the token
		r.RegisterExecutor(p)
		r.lead("p", time.Hour)
		r.add(loggedIn("a", "p", "access_token", "a7", "expires_at", time.Now().Add(time.Minute).Format(time.RFC3339)), "m")
		r.StartAutoRefresh(t.Context(), time.Second)
		defer r.StopAutoRefresh()
		synctest.Wait()
		a := r.get("a")
		same(t, "status", a.Status, auth.StatusError)
		same(t, "code", a.LastError.Code, auth.CodeNeedsLogin)
		r.answers("a")("m", "p") // the access token may still be good
		same(t, "code after a success", r.get("a").LastError.Code, auth.CodeNeedsLogin)
		p.set(func(p *issuer) { p.serial["a"] = 8 })
		if _, err := r.ask("m", "p"); statusOf(err) != 401 {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		same(t, "refreshes", p.count(), 1)
		same(t, "code in the store", store.record("a").LastError.Code, auth.CodeNeedsLogin)
		if err := r.refresh("a"); codeOf(err) != auth.CodeNeedsLogin {
			t.Errorf("the operator is told %v", err)
		}

		r.change("a", func(a *auth.Auth) { a.Metadata["refresh_token"], a.Metadata["access_token"] = "r8", "a8" })
		same(t, "status after a login", r.get("a").Status, auth.StatusActive)
		if r.get("a").LastError != nil {
			t.Error("the login is not noticed")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		same(t, "refreshes after a login", p.count(), 3)
	})
}

func TestARefreshLiftsWhatA401Blocked(t *testing.T) {
	r := newRig(t)
	p := newIssuer("p")
	p.refuse = status(503)
	r.RegisterExecutor(p)
	r.add(expired("a", "p"), "m", "n")
	r.block("a", "n", 429, time.Hour)
	if _, err := r.ask("m", "p"); statusOf(err) != 401 {
		t.Fatal(err)
	}
	same(t, "blocks", len(r.Cooldowns("a")), 2)
	p.set(func(p *issuer) { p.refuse = nil })
	if err := r.refresh("a"); err != nil {
		t.Fatal(err)
	}
	same(t, "blocks after", len(r.Cooldowns("a")), 1)
	same(t, "the one that stays", r.Cooldowns("a")[0].Model, "n")
	r.answers("a")("m", "p")
}

func serialOf(a *auth.Auth) (n int) {
	if _, err := fmt.Sscanf(a.RefreshToken(), "r%d", &n); err != nil {
		panic(err)
	}
	return n
}

// TestNoTokenIsEverLost lets a store fail at random while everything happens to
// one credential, at a provider that takes each refresh token once. In the end
// the store has the token that the provider takes.
func TestNoTokenIsEverLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		store := &memory{}
		c := newClock()
		m := host.New(host.Options{Clock: c, Store: store, Logger: slog.New(slog.DiscardHandler)})
		defer m.Close(context.Background())
		p := newIssuer("p")
		m.RegisterExecutor(p)
		ctx := context.Background()
		first := loggedIn("a", "p")
		if _, err := m.Register(ctx, &first); err != nil {
			rt.Fatal(err)
		}
		m.SetModels("a", host.ModelInfo{ID: "m"})
		held, _ := m.GetByID("a")
		edits := 0
		rt.Repeat(map[string]func(*rapid.T){
			"refresh": func(*rapid.T) { _, _ = m.RefreshAuth(ctx, "a") },
			"ask":     func(*rapid.T) { _, _ = m.Execute(ctx, []string{"p"}, request("m"), host.ExecuteOptions{}) },
			"disk":    func(t *rapid.T) { store.fail(map[bool]error{true: errFull}[rapid.Bool().Draw(t, "full")]) },
			"time":    func(*rapid.T) { c.pass(time.Hour) },
			"edit": func(*rapid.T) {
				edits++
				_, _ = m.Change(ctx, "a", func(a *auth.Auth) error { a.Label = fmt.Sprint(edits); return nil })
			},
			"read": func(*rapid.T) { held, _ = m.GetByID("a") },
			"write back": func(*rapid.T) {
				if behind := p.serial["a"] - serialOf(held); behind > 1 {
					return // older than the last refresh: that looks like a login
				}
				_, _ = m.Update(ctx, held.Clone())
			},
			"reset": func(*rapid.T) { _, _ = m.ResetCooldown(ctx, "a", "") },
		})
		store.fail(nil)
		if len(m.UnsavedRefreshes()) > 0 {
			if _, err := m.RefreshAuth(ctx, "a"); err != nil {
				rt.Fatal(err)
			}
		}
		now, _ := m.GetByID("a")
		want := fmt.Sprint("r", p.serial["a"])
		if now.RefreshToken() != want || store.record("a").RefreshToken() != want {
			rt.Fatalf("in use %s, in the store %s, the provider takes %s", now.RefreshToken(), store.record("a").RefreshToken(), want)
		}
	})
}
