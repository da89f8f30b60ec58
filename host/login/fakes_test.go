package login

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// clock is a clock that stands until it is moved.
type clock struct {
	mu  sync.Mutex // guards now
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_700_000_000, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// provider performs steps with a function and keeps what it was asked.
type provider struct {
	do func(ctx context.Context, draft *auth.Auth, in auth.LoginInput) (auth.LoginOutput, error)

	mu    sync.Mutex // guards asked
	asked []auth.LoginInput
}

func (p *provider) Login(ctx context.Context, draft *auth.Auth, in auth.LoginInput) (auth.LoginOutput, error) {
	p.mu.Lock()
	p.asked = append(p.asked, in)
	p.mu.Unlock()
	return p.do(ctx, draft, in)
}

func (p *provider) phases() (all []auth.LoginPhase) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, in := range p.asked {
		all = append(all, in.Phase)
	}
	return all
}

// registrar keeps what it is given.
type registrar struct {
	err error

	mu   sync.Mutex // guards kept
	kept []*auth.Auth
}

func (r *registrar) Register(_ context.Context, a *auth.Auth) (*auth.Auth, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return nil, r.err
	}
	r.kept = append(r.kept, a.Clone())
	return a.Clone(), nil
}

// countingHook is a PostAuthHook that counts its calls and keeps what it saw.
type countingHook struct {
	err error

	mu    sync.Mutex // guards calls
	calls []hookCall
}

type hookCall struct {
	info   *auth.RequestInfo
	origin auth.Origin
	label  string
}

func (h *countingHook) hook(ctx context.Context, a *auth.Auth) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, hookCall{auth.GetRequestInfo(ctx), auth.OriginOf(ctx), a.Label})
	return h.err
}

// rig is Logins with fakes around it.
type rig struct {
	*Logins
	clock    *clock
	provider *provider
	store    *registrar
	version  string
	hooks    []auth.PostAuthHook
}

func newRig(t *testing.T, do func(ctx context.Context, draft *auth.Auth, in auth.LoginInput) (auth.LoginOutput, error)) *rig {
	t.Helper()
	r := &rig{clock: newClock(), provider: &provider{do: do}, store: &registrar{}, version: "v1"}
	r.Logins = New(Options{
		Provider: func(name string) (auth.LoginProvider, string) {
			if name != "p" {
				return nil, ""
			}
			return r.provider, r.version
		},
		Hooks:     func() []auth.PostAuthHook { return r.hooks },
		Registrar: r.store, Now: r.clock.Now,
	})
	t.Cleanup(r.Close)
	return r
}

func draft() *auth.Auth { return &auth.Auth{Provider: "p", Attributes: map[string]string{}} }

const redirect = "http://127.0.0.1:4711/callback"

// ask prompts at the start, and is content with any answer.
func ask(p auth.LoginPrompt) func(context.Context, *auth.Auth, auth.LoginInput) (auth.LoginOutput, error) {
	return func(_ context.Context, d *auth.Auth, in auth.LoginInput) (auth.LoginOutput, error) {
		if in.Phase == auth.LoginStart {
			return auth.LoginOutput{Prompt: &p, State: []byte("s")}, nil
		}
		d.Metadata["access_token"] = "at"
		return auth.LoginOutput{Draft: d}, nil
	}
}

var (
	browser = auth.LoginPrompt{Kind: auth.LoginBrowser, URL: "https://login.example/authorize?client_id=c", Step: "back"}
	device  = auth.LoginPrompt{Kind: auth.LoginDevice, URL: "https://login.example/device", UserCode: "AB-CD", Step: "wait"}
)

// stateOf reads the state out of the address that a person is sent to.
func stateOf(t *testing.T, v View) string {
	t.Helper()
	if v.Prompt == nil {
		t.Fatal("there is no prompt")
	}
	u, err := url.Parse(v.Prompt.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("state")
}

func codeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}
