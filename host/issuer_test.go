package host_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// issuer is a provider with a token server that takes every refresh token once,
// and only the newest access token.
type issuer struct {
	provider

	mu        sync.Mutex
	serial    map[string]int // by credential
	refreshed []time.Time
	tokens    []string // the refresh tokens that came
	refuse    error
	// lives is how long a new token lives; 0 means that it says nothing.
	lives time.Duration
	// during runs while the token server thinks.
	during func(ctx context.Context, a *auth.Auth)
}

func newIssuer(name string) *issuer {
	p := &issuer{provider: provider{name: name}, serial: map[string]int{}}
	p.do = func(_ context.Context, a *auth.Auth, _ executor.Request, _ executor.Options) (executor.Response, error) {
		return executor.Response{Payload: []byte(a.ID)}, p.check(a)
	}
	return p
}

func (p *issuer) check(a *auth.Auth) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a.AccessToken() != fmt.Sprint("a", p.serial[a.ID]) {
		return status(401)
	}
	return nil
}

func (p *issuer) Refresh(ctx context.Context, a *auth.Auth) (*auth.Auth, error) {
	p.mu.Lock()
	p.refreshed = append(p.refreshed, time.Now())
	p.tokens = append(p.tokens, a.RefreshToken())
	during := p.during
	p.mu.Unlock()
	if during != nil {
		during(ctx, a)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.refuse != nil:
		return nil, p.refuse
	case a.RefreshToken() != fmt.Sprint("r", p.serial[a.ID]):
		return nil, &executor.UpstreamError{Status: 400, Body: []byte(`{"error":"invalid_grant"}`), Message: "no"}
	}
	p.serial[a.ID]++
	a.Metadata["access_token"] = fmt.Sprint("a", p.serial[a.ID])
	a.Metadata["refresh_token"] = fmt.Sprint("r", p.serial[a.ID])
	if p.lives > 0 {
		a.Metadata["expires_at"] = time.Now().Add(p.lives).Format(time.RFC3339Nano)
	}
	return a, nil
}

func (p *issuer) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.refreshed)
}

func (p *issuer) set(f func(*issuer)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

// loggedIn is a credential with the first tokens; more is put into its metadata.
func loggedIn(id, provider string, more ...any) auth.Auth {
	a := auth.Auth{ID: id, Provider: provider, Metadata: map[string]any{"access_token": "a0", "refresh_token": "r0"}}
	for i := 0; i+1 < len(more); i += 2 {
		key, _ := more[i].(string)
		a.Metadata[key] = more[i+1]
	}
	return a
}

// expired is one whose access token is dead.
func expired(id, provider string) auth.Auth { return loggedIn(id, provider, "access_token", "dead") }

// slowIssuer takes a second for each refresh, and counts the most that ran at
// once. Its tokens live long.
func slowIssuer(provider string) (p *issuer, most *atomic.Int32) {
	p, most = newIssuer(provider), new(atomic.Int32)
	p.lives = 1000 * time.Hour
	var running atomic.Int32
	p.during = func(context.Context, *auth.Auth) {
		if n := running.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(time.Second)
		running.Add(-1)
	}
	return p, most
}
