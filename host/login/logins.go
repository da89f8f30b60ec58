package login

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
)

const (
	// maxLogins is how many may be under way: each holds secrets in memory.
	maxLogins = 32
	// stepTime bounds one step, with its requests and the hooks after it.
	stepTime = 2 * time.Minute
)

// Registrar stores a credential before it returns; in practice *host.Manager.
type Registrar interface {
	Register(ctx context.Context, a *auth.Auth) (*auth.Auth, error)
}

var _ Registrar = (*host.Manager)(nil)

// Options configure Logins.
type Options struct {
	// Provider returns what logs in at a provider, and names its version, which
	// changes with every byte of its module. It is nil when there is none.
	Provider func(provider string) (p auth.LoginProvider, version string)
	// Hooks returns the PostAuthHooks, in order; nil means that there are none.
	Hooks func() []auth.PostAuthHook
	// Registrar takes the credential.
	Registrar Registrar
	// Noted is told of every draft that came to hold other secrets, so that a
	// log can be scrubbed of them; may be nil.
	Noted func(*auth.Auth)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger is told how logins end; nil means silence.
	Logger *slog.Logger
}

// Logins are the logins that are under way. It is safe for concurrent use.
// Steps of one login follow each other; different logins know nothing of each
// other.
type Logins struct {
	opts Options
	// running counts the steps; Close waits for them.
	running sync.WaitGroup

	mu     sync.Mutex // guards what follows, and the entries in all
	all    map[string]*entry
	closed bool
}

// entry is one login. Its provider never changes.
type entry struct {
	provider string
	session  session
	// stop ends the step that runs; nil when none does.
	stop context.CancelFunc
	// cancelled: nobody waits for it any more.
	cancelled bool
}

// New returns Logins without a login. Provider and Registrar are required.
func New(o Options) *Logins {
	if o.Hooks == nil {
		o.Hooks = func() []auth.PostAuthHook { return nil }
	}
	if o.Noted == nil {
		o.Noted = func(*auth.Auth) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Logins{opts: o, all: map[string]*entry{}}
}

// View is a login as it stands.
type View struct {
	// ID names the login; whoever knows it can go on with it.
	ID string
	// Prompt is what the person is asked; nil when the login is done. Its URL is
	// complete.
	Prompt *auth.LoginPrompt
	// PollIn is how long to wait before the next Poll, for a device prompt.
	PollIn time.Duration
	// Ends is when the login, or what it asks for, is over.
	Ends time.Time
	// Auth is the credential, stored; nil while the login goes on.
	Auth *auth.Auth
}

// Start begins a login. Draft says for which provider, and holds what the
// operator chose: id, label, destination fields. It is not changed. Redirect is
// where a browser will come back to, empty when nobody waits for one.
func (l *Logins) Start(ctx context.Context, draft *auth.Auth, redirect string) (View, error) {
	p, version := l.opts.Provider(draft.Provider)
	if p == nil {
		return View{}, &Error{Code: CodeUnsupported, Message: "provider " + draft.Provider + " has no login"}
	}
	if redirect != "" {
		if _, err := parseRedirect(redirect); err != nil {
			return View{}, err
		}
	}
	id := rand.Text()
	now := l.opts.Now()
	e := &entry{provider: draft.Provider, session: session{
		provider: draft.Provider, version: version, draft: draft.Clone(), label: draft.Label, redirect: redirect, ends: now.Add(MaxTime),
	}}
	d := e.session.draft
	if d.ID == "" {
		d.ID = auth.NewID()
	}
	if d.Attributes == nil {
		d.Attributes = map[string]string{}
	}
	if d.Metadata == nil {
		d.Metadata = map[string]any{}
	}
	ctx, done, err := l.add(ctx, id, e, now)
	if err != nil {
		return View{}, err
	}
	defer done()
	return l.run(ctx, id, e, p, e.session.start(id), nil)
}

// add takes a login in, whose first step runs until done.
func (l *Logins) add(ctx context.Context, id string, e *entry, now time.Time) (context.Context, func(), error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unsyncedSweep(now)
	switch {
	case l.closed:
		return nil, nil, &Error{Code: CodeCancelled, Message: "the server is stopping: log in when it runs again"}
	case len(l.all) >= maxLogins:
		return nil, nil, &Error{Code: CodeBusy, Message: fmt.Sprintf("%d logins are under way: finish or cancel one", maxLogins)}
	}
	l.all[id] = e
	ctx, done := l.unsyncedBegin(ctx, e)
	return ctx, done, nil
}

// unsyncedSweep forgets the logins whose time is over.
func (l *Logins) unsyncedSweep(now time.Time) {
	for id, e := range l.all {
		if e.stop == nil && !now.Before(e.session.ends) {
			delete(l.all, id)
		}
	}
}

// unsyncedBegin makes the context of a step. A caller that leaves does not cut a
// step off in the middle of a token request: only Cancel and Close do.
func (l *Logins) unsyncedBegin(ctx context.Context, e *entry) (context.Context, func()) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), stepTime)
	e.stop = stop
	l.running.Add(1)
	return ctx, func() {
		stop()
		l.mu.Lock()
		e.stop = nil
		l.mu.Unlock()
		l.running.Done()
	}
}

// decision says what an answer leads to: the session with it taken in, and the
// step to perform; with idle there is none.
type decision func(s session, now time.Time) (next session, in auth.LoginInput, idle bool, err error)

// step takes an answer in and performs what follows from it. An error that the
// login survives changes nothing.
func (l *Logins) step(ctx context.Context, id string, decide decision, info *auth.RequestInfo) (View, error) {
	a, err := l.admit(ctx, id, decide)
	switch {
	case err != nil:
		if a.entry != nil && !open(err) {
			l.ended(a.entry.provider, err)
		}
		return View{}, err
	case a.provider == nil:
		return l.view(id, a.entry), nil
	}
	defer a.done()
	return l.run(a.ctx, id, a.entry, a.provider, a.in, info)
}

// admitted is a step that may be performed; without a provider there is none.
type admitted struct {
	entry    *entry
	provider auth.LoginProvider
	in       auth.LoginInput
	ctx      context.Context
	done     func()
}

// admit finds a login and lets decide say what is to be done.
func (l *Logins) admit(ctx context.Context, id string, decide decision) (admitted, error) {
	provider, version := l.versionOf(id)
	now := l.opts.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.all[id]
	if e == nil || e.cancelled || l.closed {
		return admitted{}, &Error{Code: CodeUnknown, Message: "there is no such login; it may have ended: begin again"}
	}
	if e.stop != nil {
		return admitted{}, &Error{Code: CodeBusy, Message: "another step of this login is running: try again"}
	}
	if err := e.session.check(version, now); err != nil {
		delete(l.all, id)
		return admitted{entry: e}, err
	}
	next, in, idle, err := decide(e.session, now)
	switch {
	case err != nil:
		if !open(err) {
			delete(l.all, id)
		}
		return admitted{entry: e}, err
	case idle:
		return admitted{entry: e}, nil
	}
	e.session = next
	step, done := l.unsyncedBegin(ctx, e)
	return admitted{entry: e, provider: provider, in: in, ctx: step, done: done}, nil
}

// versionOf asks foreign code, and so holds no lock.
func (l *Logins) versionOf(id string) (auth.LoginProvider, string) {
	l.mu.Lock()
	e := l.all[id]
	l.mu.Unlock()
	if e == nil {
		return nil, ""
	}
	return l.opts.Provider(e.provider)
}

// run performs one step outside every lock. Nobody else touches the session
// meanwhile.
func (l *Logins) run(ctx context.Context, id string, e *entry, p auth.LoginProvider, in auth.LoginInput, info *auth.RequestInfo) (View, error) {
	l.opts.Noted(e.session.draft)
	out, err := p.Login(ctx, e.session.draft.Clone(), in)
	if err != nil {
		return View{}, l.fail(id, e, failed(ctx, e.provider, err))
	}
	if out.Draft == nil {
		out.Draft = e.session.draft
	}
	l.opts.Noted(out.Draft)
	if out.Prompt == nil {
		return l.finish(ctx, id, e, out.Draft, info)
	}
	next, err := e.session.prompted(in.Phase, out, newProof(), l.opts.Now())
	if err != nil {
		return View{}, l.fail(id, e, err)
	}
	l.mu.Lock()
	gone := e.cancelled
	e.session = next
	l.mu.Unlock()
	if gone {
		return View{}, l.fail(id, e, cancelled())
	}
	return l.view(id, e), nil
}

// finish has the credential judged and stored. Success is told of what is
// durable only.
func (l *Logins) finish(ctx context.Context, id string, e *entry, draft *auth.Auth, info *auth.RequestInfo) (View, error) {
	if info == nil {
		info = &auth.RequestInfo{Headers: http.Header{}, Query: url.Values{}}
	}
	ctx = auth.WithOrigin(auth.WithRequestInfo(ctx, info), auth.OriginLogin)
	c, err := Judge(ctx, l.opts.Hooks(), e.session.complete(draft))
	if err == nil {
		err = ctx.Err() // a login that was cancelled stores nothing
	}
	if err != nil {
		return View{}, l.fail(id, e, failed(ctx, e.provider, err))
	}
	stored, err := l.opts.Registrar.Register(ctx, c)
	if err != nil {
		return View{}, l.fail(id, e, &Error{Code: CodeFailed, Message: "the credential was not stored: " + err.Error(), Err: err})
	}
	l.forget(id)
	l.opts.Logger.Info("login done", "provider", stored.Provider, "credential", stored.ID)
	return View{ID: id, Auth: stored}, nil
}

// failed turns the error of a step into one of ours.
func failed(ctx context.Context, provider string, err error) error {
	var own *Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, auth.ErrRetired):
		return &Error{Code: CodeRestart, Message: "the plugin of provider " + provider + " was replaced during the login: begin again"}
	case errors.Is(ctx.Err(), context.Canceled):
		return cancelled()
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &Error{Code: CodeFailed, Message: "the login at provider " + provider + " failed: it took too long to answer", Err: err}
	}
	return &Error{Code: CodeFailed, Message: "the login at provider " + provider + " failed: " + err.Error(), Err: err}
}

func cancelled() *Error { return &Error{Code: CodeCancelled, Message: "the login was cancelled"} }

// fail ends a login.
func (l *Logins) fail(id string, e *entry, err error) error {
	l.forget(id)
	l.ended(e.provider, err)
	return err
}

func (l *Logins) ended(provider string, err error) {
	code := CodeFailed
	if own, ok := errors.AsType[*Error](err); ok {
		code = own.Code
	}
	l.opts.Logger.Warn("login ended", "provider", provider, "code", code)
}

func (l *Logins) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.all, id)
}

func (l *Logins) view(id string, e *entry) View {
	now := l.opts.Now()
	l.mu.Lock()
	s := e.session
	l.mu.Unlock()
	v := View{ID: id, Prompt: s.prompt, Ends: s.ends}
	if !s.promptEnds.IsZero() && s.promptEnds.Before(v.Ends) {
		v.Ends = s.promptEnds
	}
	if s.prompt != nil && s.prompt.Kind == auth.LoginDevice {
		v.PollIn = max(s.pollAt.Sub(now), 0)
	}
	return v
}
