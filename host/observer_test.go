package host_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
)

// observing is a hook that wants to know all there is.
type observing struct {
	auth.NoopHook

	mu        sync.Mutex // guards what follows
	cooled    []auth.Block
	refreshed []string
}

func (o *observing) OnCooldown(_ context.Context, r auth.Result, b auth.Block) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.Success || b.Reason == auth.NotBlocked {
		panic("that is no cooldown")
	}
	o.cooled = append(o.cooled, b)
}

func (o *observing) OnRefresh(_ context.Context, provider string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	how := provider + " refreshed"
	if err != nil {
		how = provider + " failed"
	}
	o.refreshed = append(o.refreshed, how)
}

func observed(t *testing.T, p auth.ProviderExecutor, credentials ...auth.Auth) (*host.Manager, *observing) {
	t.Helper()
	hook := &observing{}
	m := host.New(host.Options{Hook: hook, Clock: newClock()})
	m.RegisterExecutor(p)
	for _, a := range credentials {
		if _, err := m.Register(t.Context(), &a); err != nil {
			t.Fatal(err)
		}
		m.SetModels(a.ID, host.ModelInfo{ID: "m"})
	}
	t.Cleanup(func() {
		if err := m.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return m, hook
}

// TestHookIsToldOfCooldowns: once for each time that something is taken out of
// service, and not for what is out already or stays in.
func TestHookIsToldOfCooldowns(t *testing.T) {
	p := fails("p", map[string]error{"quota": status(429), "request": status(400)})
	m, hook := observed(t, p, auth.Auth{ID: "quota", Provider: "p"}, auth.Auth{ID: "request", Provider: "p"})
	for range 3 {
		m.MarkResult(t.Context(), auth.Result{AuthID: "quota", Provider: "p", Model: "m", Error: &auth.Error{HTTPStatus: 429}})
		m.MarkResult(t.Context(), auth.Result{AuthID: "request", Provider: "p", Model: "m", Error: &auth.Error{HTTPStatus: 400}})
		m.MarkResult(t.Context(), auth.Result{AuthID: "request", Provider: "p", Model: "m", Success: true})
	}
	if len(hook.cooled) != 1 || hook.cooled[0].Reason != auth.BlockedQuota || hook.cooled[0].Until.IsZero() {
		t.Errorf("told of %+v", hook.cooled)
	}
}

// TestHookIsToldOfRefreshes: of those that the provider was asked for.
func TestHookIsToldOfRefreshes(t *testing.T) {
	p := newIssuer("p")
	m, hook := observed(t, p, loggedIn("a", "p"))
	ask := func() { _, _ = m.RefreshAuth(t.Context(), "a") }
	ask()
	p.refuse = status(500)
	ask()
	p.refuse = &auth.Error{Code: auth.CodeNotSupported, Message: "no"}
	ask()
	_, _ = m.RefreshAuth(t.Context(), "nonesuch")
	if want := []string{"p refreshed", "p failed"}; !slices.Equal(hook.refreshed, want) {
		t.Errorf("told of %v, want %v", hook.refreshed, want)
	}
}
