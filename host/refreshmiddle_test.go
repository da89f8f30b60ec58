package host_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// stages is a provider whose refresh goes on after it got new tokens.
type stages struct {
	provider
	between func(a *auth.Auth)
	end     error
	refused error // of the save in the middle
}

func (p *stages) Refresh(ctx context.Context, a *auth.Auth) (*auth.Auth, error) {
	a.Metadata["access_token"], a.Metadata["refresh_token"] = "a1", "r1"
	if p.refused = auth.SaveRefreshed(ctx, a.Clone()); p.refused != nil {
		return a, nil
	}
	p.between(a)
	a.Attributes = map[string]string{"email": "me@example.com"}
	a.Label = "me"
	if p.end != nil {
		return nil, p.end
	}
	return a, nil
}

// TestTokensAreSavedInTheMiddle: what a refresh does after its token request
// finds the new tokens in the store already; what it brings later is saved at the
// end, an edit that was made meanwhile stays, and the replaced token is kept for
// as long as the new one has not worked.
func TestTokensAreSavedInTheMiddle(t *testing.T) {
	r, store, _ := durableRig(t)
	p := &stages{provider: provider{name: "q"}}
	p.between = func(*auth.Auth) {
		same(t, "stored token", store.record("b").RefreshToken(), "r1")
		a := r.get("b")
		a.Metadata["note"] = "edited"
		r.update(*a)
	}
	r.RegisterExecutor(p)
	r.add(loggedIn("b", "q", "note", "old"), "m")
	store.said()
	if err := r.refresh("b"); err != nil {
		t.Fatal(err)
	}
	same(t, "calls", fmt.Sprint(store.said()), "[begin b 0 r0 commit b 0 r1]")
	for _, a := range []*auth.Auth{r.get("b"), store.record("b")} {
		same(t, "token", a.RefreshToken(), "r1")
		same(t, "note", a.Metadata["note"], any("edited"))
		same(t, "email", a.Attributes["email"], "me@example.com")
		same(t, "label", a.Label, "me")
	}
}

// TestAFailureAfterTheMiddleLosesNothing: the tokens are what the credential has.
func TestAFailureAfterTheMiddleLosesNothing(t *testing.T) {
	r, store, _ := durableRig(t)
	p := &stages{provider: provider{name: "q"}, end: errors.New("no"), between: func(*auth.Auth) {}}
	r.RegisterExecutor(p)
	r.add(loggedIn("b", "q"), "m")
	if err := r.refresh("b"); err != nil {
		t.Fatal(err)
	}
	same(t, "token", r.get("b").RefreshToken(), "r1")
	same(t, "stored token", store.record("b").RefreshToken(), "r1")
}

// TestAMiddleThatCannotBeSaved: the executor is told, and the tokens are held.
func TestAMiddleThatCannotBeSaved(t *testing.T) {
	r, store, _ := durableRig(t)
	p := &stages{provider: provider{name: "q"}, between: func(*auth.Auth) { t.Error("it went on") }}
	r.RegisterExecutor(p)
	r.add(loggedIn("b", "q"), "m")
	store.refuse = map[string]error{"commit": errors.New("the disk is full")}
	if err := r.refresh("b"); err == nil || p.refused == nil {
		t.Errorf("refresh: %v, in the middle: %v", err, p.refused)
	}
	same(t, "unsaved", len(r.UnsavedRefreshes()), 1)
	store.logMu.Lock()
	store.refuse = nil // closing saves what is held
	store.logMu.Unlock()
}
