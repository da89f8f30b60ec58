package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/driver"
	"github.com/patchbay-dev/patchbay/host/login"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// newLogins returns the logins of an app, none of which is under way.
func (a *App) newLogins() *login.Logins {
	return login.New(login.Options{
		Provider: a.loginProvider, Hooks: a.postAuthHooks, Registrar: registrar{a}, Noted: a.noteSecrets, Logger: a.log,
	})
}

// loginProvider returns what logs in at a provider, and the hash of its module.
func (a *App) loginProvider(provider string) (auth.LoginProvider, string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.running {
		for _, e := range r.executors {
			if e.Identifier() == provider && e.Provider().Login {
				return e, r.plugin.SHA256()
			}
		}
	}
	return nil, ""
}

// registrar stores what a login ends with.
type registrar struct{ app *App }

// Register implements login.Registrar.
func (r registrar) Register(ctx context.Context, c *auth.Auth) (*auth.Auth, error) {
	if c.Label == "" {
		if c.Label = emailOf(c); c.Label == "" {
			c.Label = "default"
		}
	}
	if err := errors.Join(checkText("label", c.Label), checkPrefix(c.Prefix)); err != nil {
		return nil, err
	}
	r.app.noteSecrets(c)
	return r.app.manager.Register(ctx, c)
}

// LoginInfo says what a login at a provider needs.
func (a *App) LoginInfo(ctx context.Context, provider string) (admin.LoginInfo, error) {
	_, p, err := a.loginManifest(ctx, provider)
	if err != nil {
		return admin.LoginInfo{}, err
	}
	return admin.LoginInfo{Provider: p.Key, Redirect: p.LoginRedirect}, nil
}

// loginManifest is manifestOf for a provider that one can log in at, now.
func (a *App) loginManifest(ctx context.Context, provider string) (*abi.Manifest, *abi.Provider, error) {
	m, p, err := a.manifestOf(ctx, provider)
	switch {
	case err != nil:
		return nil, nil, err
	case !p.Login:
		return nil, nil, &admin.Error{Code: admin.CodeUnsupported, Message: fmt.Sprintf(
			"provider %s has no login: add its credential with patchbay auth add %s", provider, provider)}
	case !a.isServing():
		return nil, nil, &admin.Error{Code: admin.CodeUnavailable, Message: "no server is running on this data directory, and a login needs the provider's plugin to run: start one with patchbay serve"}
	}
	return m, p, nil
}

// StartLogin begins a login.
func (a *App) StartLogin(ctx context.Context, spec admin.LoginSpec) (admin.LoginState, error) {
	m, p, err := a.loginManifest(ctx, spec.Provider)
	if err != nil {
		return admin.LoginState{}, err
	}
	draft, err := a.draft(m, p, spec)
	if err != nil {
		return admin.LoginState{}, err
	}
	v, err := a.logins.Start(ctx, draft, spec.Redirect)
	return a.loginState(ctx, v, err)
}

// draft is the credential as the operator wants it, without what a login brings.
func (a *App) draft(m *abi.Manifest, p *abi.Provider, spec admin.LoginSpec) (*auth.Auth, error) {
	if err := checkNames(m, p.Key, spec.Set, nil, nil); err != nil {
		return nil, err
	}
	for name := range spec.Set {
		if kind := m.Credential.Fields[name].Kind; kind != abi.FieldPublic && kind != abi.FieldDestination {
			return nil, invalid("field %s is secret: the login brings it", name)
		}
	}
	if err := checkChange(admin.AuthChange{Label: &spec.Label, ProxyURL: &spec.ProxyURL}); err != nil {
		return nil, err
	}
	a.noteProxy(spec.ProxyURL)
	draft := authOf(settings.Credential{
		Provider: spec.Provider, Label: spec.Label, Set: spec.Set, AllowPrivate: spec.AllowPrivate, ProxyURL: spec.ProxyURL,
	})
	if spec.Replace == "" {
		return draft, nil
	}
	if c, ok := a.declared(spec.Replace); ok {
		return nil, &admin.Error{Code: admin.CodeFromConfig, Message: fmt.Sprintf("credential %s is declared in the configuration: change it in %s", spec.Replace, c.Source)}
	}
	old, ok := a.manager.GetByID(spec.Replace)
	switch {
	case !ok:
		return nil, noAuth(spec.Replace)
	case old.Provider != draft.Provider:
		return nil, invalid("credential %s is one of provider %s, not of %s", old.ID, old.Provider, draft.Provider)
	}
	return renew(m, old, draft), nil
}

// renew gives a draft everything of an older credential that is no token and
// that the operator did not say anew.
func renew(m *abi.Manifest, old, draft *auth.Auth) *auth.Auth {
	out := &auth.Auth{
		ID: old.ID, Provider: old.Provider, Prefix: old.Prefix, Label: old.Label, ProxyURL: old.ProxyURL,
		Disabled: old.Disabled, CreatedAt: old.CreatedAt, Attributes: maps.Clone(old.Attributes), Metadata: map[string]any{},
	}
	if out.Attributes == nil {
		out.Attributes = map[string]string{}
	}
	maps.Copy(out.Attributes, draft.Attributes)
	if draft.Label != "" {
		out.Label = draft.Label
	}
	if draft.ProxyURL != "" {
		out.ProxyURL = draft.ProxyURL
	}
	for name, v := range old.Metadata {
		// A switch of the operator's is a number or a bool; what the old login
		// brought is text.
		_, text := v.(string)
		if _, field := m.Credential.Fields[name]; !field && !text && !abi.SealedName(name) {
			out.Metadata[name] = v
		}
	}
	return out
}

// ContinueLogin answers what a login asks.
func (a *App) ContinueLogin(ctx context.Context, answer admin.LoginAnswer) (admin.LoginState, error) {
	given := 0
	for _, is := range []bool{answer.Poll, answer.Query != nil, answer.Paste != nil, answer.Fields != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		return admin.LoginState{}, invalid("a login takes one answer at a time")
	}
	var v login.View
	var err error
	switch {
	case answer.Poll:
		v, err = a.logins.Poll(ctx, answer.ID)
	case answer.Query != nil:
		v, err = a.logins.Callback(ctx, answer.ID, *answer.Query, answer.Header)
	case answer.Paste != nil:
		v, err = a.logins.Paste(ctx, answer.ID, *answer.Paste)
	default:
		v, err = a.logins.Fill(ctx, answer.ID, answer.Fields)
	}
	return a.loginState(ctx, v, err)
}

// CancelLogin ends a login.
func (a *App) CancelLogin(ctx context.Context, id string) error {
	a.logins.Cancel(ctx, id)
	return nil
}

// loginState is what travels of a login. Once it is done, the models of the new
// credential are learned.
func (a *App) loginState(ctx context.Context, v login.View, err error) (admin.LoginState, error) {
	if err != nil {
		return admin.LoginState{}, a.loginFailed(err)
	}
	s := admin.LoginState{ID: v.ID, PollIn: v.PollIn, Ends: v.Ends}
	if p := v.Prompt; p != nil {
		s.Prompt = &admin.LoginPrompt{Kind: string(p.Kind), Message: p.Message, URL: p.URL, UserCode: p.UserCode}
		for _, f := range p.Fields {
			s.Prompt.Fields = append(s.Prompt.Fields, admin.LoginField{Name: f.Name, Label: f.Label, Secret: f.Secret, Required: f.Required})
		}
	}
	if v.Auth != nil {
		a.listModels(ctx, v.Auth)
		view := a.authView(ctx, v.Auth)
		s.Auth = &view
	}
	return s, nil
}

// loginCodes are the codes of login.Error as they travel; the others are
// CodeLogin.
var loginCodes = map[string]string{
	login.CodeUnknown: admin.CodeNotFound, login.CodeUnsupported: admin.CodeUnsupported, login.CodeBusy: admin.CodeConflict,
	login.CodeInvalid: admin.CodeInvalid, login.CodeMismatch: admin.CodeInvalid,
}

func (a *App) loginFailed(err error) error {
	own, ok := errors.AsType[*login.Error](err)
	if !ok {
		return fmt.Errorf("log in: %s", a.redact(err.Error()))
	}
	code := loginCodes[own.Code]
	if code == "" {
		code = admin.CodeLogin
	}
	return &admin.Error{Code: code, Message: a.redact(own.Message)}
}

// judged has the hooks look at a credential that the operator adds. What they
// leave is what is to be stored.
func (a *App) judged(ctx context.Context, m *abi.Manifest, p abi.Provider, c *auth.Auth) (*auth.Auth, error) {
	ctx = auth.WithOrigin(auth.WithRequestInfo(ctx, &auth.RequestInfo{}), auth.OriginCLI)
	c, err := login.Judge(ctx, a.postAuthHooks(), c)
	if err != nil {
		return nil, &admin.Error{Code: admin.CodeRefused, Message: a.redact(err.Error())}
	}
	if err := errors.Join(driver.ValidateCredential(m, p, c), checkText("label", c.Label), checkPrefix(c.Prefix)); err != nil {
		return nil, invalid("credential for %s, after the checks of new credentials: %v", p.Key, err)
	}
	return c, nil
}

// postAuthHooks returns the hooks of the installed plugins, in the order of the
// configuration and then by id, each plugin's as its manifest has them. One that cannot be asked says no: a check that is not
// made must not look like one that was passed. spec: faults.md A-02.
func (a *App) postAuthHooks() []auth.PostAuthHook {
	ctx, cancel := context.WithTimeout(a.background, storeTime)
	defer cancel()
	all, err := a.parsed(ctx)
	if err != nil {
		return []auth.PostAuthHook{no("the installed plugins cannot be read: %v", err)}
	}
	checks := map[string]*abi.Manifest{}
	for _, m := range all {
		if len(m.Provides.PostAuth) > 0 {
			checks[m.ID] = m
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var hooks []auth.PostAuthHook
	for _, id := range inOrder(slices.Collect(maps.Keys(checks)), a.config().Plugins.Order) {
		m := checks[id]
		switch r := a.running[m.ID]; {
		case !a.serving:
			hooks = append(hooks, no("plugin %s checks new credentials, and no server is running that could ask it: start one with patchbay serve", m.ID))
		case r == nil || len(r.hooks) != len(m.Provides.PostAuth):
			hooks = append(hooks, no("plugin %s checks new credentials, and does not run: see patchbay plugin list", m.ID))
		default:
			hooks = append(hooks, r.hooks...)
		}
	}
	return hooks
}

// storeTime bounds a look into the store that a login waits for.
const storeTime = 5 * time.Second

// no is a hook that cannot be asked.
func no(format string, args ...any) auth.PostAuthHook {
	err := fmt.Errorf(format, args...)
	return func(context.Context, *auth.Auth) error { return err }
}
