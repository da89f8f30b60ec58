package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/config"
	"github.com/patchbay-dev/patchbay/host/driver"
	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/plugins"
)

// Subjects of problems with a reload.
const (
	problemReload  = "configuration"
	problemRestart = "configuration, needs a restart"
)

// exitConfig is the exit code of a command that met a bad configuration.
const exitConfig = 3

// ReloadConfig reads the configuration anew and puts it into force, as a whole
// or not at all. Requests that run are not disturbed.
func (a *App) ReloadConfig(ctx context.Context) (admin.Reloaded, error) {
	if a.load == nil || !a.isServing() {
		return admin.Reloaded{}, &admin.Error{Code: admin.CodeUnavailable, Message: "no server runs on this data directory: the configuration is read when one starts"}
	}
	return a.reloads.ask(ctx, a.goBackground, a.reload)
}

// reload is one reload. What is wrong is told to the log, to whoever asked, and
// to the server's health until a reload succeeds.
func (a *App) reload(ctx context.Context) (admin.Reloaded, error) {
	cfg, err := a.load()
	var report admin.Reloaded
	if err == nil {
		report, err = a.adopt(ctx, cfg)
	}
	if errors.Is(err, ErrClosed) || ctx.Err() != nil {
		return admin.Reloaded{}, ErrClosed
	}
	if err != nil {
		a.problem(problemReload, "the last reload was refused, the configuration before it is in force: "+strings.ReplaceAll(err.Error(), "\n", "; "))
		a.log.Error("the configuration was not reloaded; the one before it stays in force", "error", err)
		return admin.Reloaded{}, &admin.Error{Code: admin.CodeInvalid, Exit: exitConfig,
			Message: fmt.Sprintf("nothing was changed, the configuration is refused:\n%v", err)}
	}
	a.problem(problemReload, "")
	a.problem(problemRestart, strings.Join(report.NeedsRestart, ", "))
	for _, w := range report.Warnings {
		a.log.Warn("configuration", "warning", w)
	}
	if len(report.NeedsRestart) > 0 {
		a.log.Warn("a change of the configuration needs a restart and is not in force", "settings", report.NeedsRestart)
	}
	a.log.Info("configuration reloaded", "changed", report.Changed)
	return report, nil
}

// adopt builds all that a configuration asks for, then swaps it in. Up to the
// swap nothing is changed; from there on nothing can be refused.
func (a *App) adopt(ctx context.Context, cfg settings.Config) (admin.Reloaded, error) {
	a.installing.Lock()
	defer a.installing.Unlock()
	old := a.config()
	report := admin.Reloaded{Warnings: cfg.Warnings, NeedsRestart: pin(&cfg, old)}
	creds, err := a.planCredentials(ctx, old, &cfg)
	if err != nil {
		return admin.Reloaded{}, err
	}
	built, err := a.buildPlugins(ctx, old, &cfg)
	if err != nil {
		return admin.Reloaded{}, err
	}
	for i, r := range built {
		if err := a.swap(r); err != nil { // the app is closed
			return admin.Reloaded{}, errors.Join(append(closeAll(ctx, built[i:]), err)...)
		}
	}
	// A caller that leaves does not leave things half done.
	ctx = context.WithoutCancel(ctx)
	a.cfg.Store(&cfg)
	a.mu.Lock()
	a.replug() // their order may be another
	a.mu.Unlock()
	a.setPolicies(old, &cfg)
	a.apply(&cfg)
	err = a.changeCredentials(ctx, creds)
	report.Changed = describe(old, &cfg, built, creds)
	a.learnModels(built, creds)
	return report, err
}

// pin keeps what only a start can change, and names it.
func pin(cfg, old *settings.Config) (restart []string) {
	for _, s := range []struct {
		name      string
		want, now *string
	}{
		{"listen", &cfg.Listen, &old.Listen},
		{"data_dir", &cfg.DataDir, &old.DataDir},
		{"admin.listen", &cfg.Admin.Listen, &old.Admin.Listen},
		{"log.format", &cfg.Log.Format, &old.Log.Format},
	} {
		if *s.want != *s.now {
			restart = append(restart, s.name)
			*s.want = *s.now
		}
	}
	return restart
}

// setPolicies changes how credentials are chosen, named, retried, cooled and
// refreshed.
func (a *App) setPolicies(old, cfg *settings.Config) {
	if !reflect.DeepEqual(cfg.Retry, old.Retry) {
		setRetry(a.manager, cfg.Retry)
	}
	if cfg.Cooldown != old.Cooldown {
		a.manager.SetCooldown(cfg.Cooldown)
	}
	if !reflect.DeepEqual(cfg.Refresh, old.Refresh) {
		a.manager.SetRefresh(cfg.Refresh)
	}
	if cfg.Routing.Strategy != old.Routing.Strategy {
		a.manager.SetSelector(selectorOf(cfg.Routing))
	}
	if !reflect.DeepEqual(cfg.OAuthModelAlias, old.OAuthModelAlias) {
		a.manager.SetOAuthModelAlias(cfg.OAuthModelAlias)
	}
	if cfg.Routing.ForceModelPrefix != old.Routing.ForceModelPrefix || !reflect.DeepEqual(cfg.Credentials, old.Credentials) ||
		!reflect.DeepEqual(cfg.Providers, old.Providers) {
		a.manager.SetConfig(cfg)
	}
}

func setRetry(m *host.Manager, r settings.Retry) {
	m.SetRetryConfig(r.Rounds, r.MaxInterval, r.MaxCredentials)
	m.SetRetryBudget(r.BudgetPercent, r.BudgetBurst)
	m.SetRetryStatuses(r.Statuses...)
}

// buildPlugins loads the plugins anew whose bounds or configuration have
// changed.
func (a *App) buildPlugins(ctx context.Context, old, cfg *settings.Config) (built []*running, err error) {
	locked, err := a.locked(ctx)
	if err != nil {
		return nil, err
	}
	all := boundsOf(cfg) != boundsOf(old) || cfg.Limits.IdleTimeout != old.Limits.IdleTimeout
	a.plugins.SetBounds(boundsOf(cfg))
	defer func() {
		if err != nil {
			a.plugins.SetBounds(boundsOf(old))
			err = errors.Join(append([]error{err}, closeAll(ctx, built)...)...)
			built = nil
		}
	}()
	for _, l := range locked {
		if !all && reflect.DeepEqual(cfg.Plugins.Config[l.ID], old.Plugins.Config[l.ID]) {
			continue
		}
		p, err := a.loadLocked(ctx, l, cfg)
		if err != nil {
			return built, fmt.Errorf("plugin %s %s: %w", l.ID, l.Version, err)
		}
		r, err := a.prepare(p, cfg)
		if err != nil {
			return built, errors.Join(err, p.Close(ctx))
		}
		built = append(built, r)
	}
	return built, nil
}

func boundsOf(cfg *settings.Config) plugins.Bounds {
	p := cfg.Plugins
	return plugins.Bounds{
		Instances: p.Instances, MemoryBytes: p.MemoryBytes, CallTimeout: p.CallTimeout,
		QueueTimeout: p.QueueTimeout, QueueLength: p.QueueLength, Quarantine: plugins.Quarantine(p.Quarantine),
	}
}

func closeAll(ctx context.Context, all []*running) (errs []error) {
	for _, r := range all {
		errs = append(errs, r.close(ctx))
	}
	return errs
}

// credentials are the declared credentials that a reload adds, changes and
// removes. A moved one only stands on another line.
type credentials struct {
	added, changed, moved []*auth.Auth
	// renewed are those of changed whose secrets or destination are others, so
	// that what was learned of the old ones says nothing.
	renewed map[string]bool
	removed []string
}

// planCredentials compares what is declared with what was. Every credential
// that is new or another is checked.
func (a *App) planCredentials(ctx context.Context, old, cfg *settings.Config) (credentials, error) {
	plan := credentials{renewed: map[string]bool{}}
	before := map[string]settings.Credential{}
	for _, c := range old.Credentials {
		before[config.CredentialID(c.Provider, c.Label)] = c
	}
	var errs []error
	for _, c := range cfg.Credentials {
		rec := configured(c)
		was, known := before[rec.ID]
		delete(before, rec.ID)
		moved := known && was.Source != c.Source
		was.Source = c.Source
		switch {
		case !known:
			plan.added = append(plan.added, rec)
		case !reflect.DeepEqual(was, c):
			plan.changed = append(plan.changed, rec)
			plan.renewed[rec.ID] = !reflect.DeepEqual(was.Secrets, c.Secrets) || !reflect.DeepEqual(was.Set, c.Set) || was.ProxyURL != c.ProxyURL
		case moved:
			plan.moved = append(plan.moved, rec)
			continue
		default:
			continue
		}
		if err := a.checkConfigured(ctx, c, rec); err != nil {
			errs = append(errs, err)
		}
	}
	plan.removed = slices.Sorted(maps.Keys(before))
	return plan, errors.Join(errs...)
}

// checkConfigured checks a declared credential against its plugin's manifest.
func (a *App) checkConfigured(ctx context.Context, c settings.Credential, rec *auth.Auth) error {
	m, p, err := a.manifestOf(ctx, c.Provider)
	if err == nil {
		err = checkNames(m, p.Key, c.Set, c.Secrets, nil)
	}
	if err == nil {
		err = driver.ValidateCredential(m, *p, rec)
	}
	if err != nil {
		return &ConfigError{Source: c.Source, Err: err}
	}
	return nil
}

// changeCredentials carries out a plan. These credentials are in memory only,
// so what can fail is no more than a manager that is closed.
func (a *App) changeCredentials(ctx context.Context, plan credentials) error {
	var errs []error
	for _, rec := range plan.added {
		a.noteSecrets(rec)
		_, err := a.manager.Register(ctx, rec)
		errs = append(errs, err)
	}
	for _, rec := range plan.changed {
		a.noteSecrets(rec)
		var err error
		if plan.renewed[rec.ID] {
			_, err = a.manager.Register(ctx, rec)
		} else {
			_, err = a.manager.Update(ctx, rec)
		}
		errs = append(errs, err)
	}
	for _, rec := range plan.moved {
		_, err := a.manager.Change(ctx, rec.ID, func(c *auth.Auth) error {
			c.Attributes[auth.AttrSource] = rec.Attributes[auth.AttrSource]
			return nil
		})
		errs = append(errs, err)
	}
	for _, id := range plan.removed {
		errs = append(errs, a.manager.Remove(ctx, id))
		a.problem(modelsOf(id), "")
	}
	return errors.Join(errs...)
}

// learnModels lists the models of what is new.
func (a *App) learnModels(built []*running, plan credentials) {
	isNew := map[string]bool{}
	for _, list := range [][]*auth.Auth{plan.added, plan.changed} {
		for _, rec := range list {
			isNew[rec.ID] = true
		}
	}
	a.listModelsOf(a.background, slices.DeleteFunc(a.manager.List(), func(c *auth.Auth) bool {
		rebuilt := slices.ContainsFunc(built, func(r *running) bool { return serves(r, c.Provider) })
		return !rebuilt && !isNew[c.ID]
	}))
}

// describe says what a reload has changed, without a value: one may be secret.
func describe(old, cfg *settings.Config, built []*running, plan credentials) []string {
	changed := []string{}
	note := func(differs bool, what string) {
		if differs {
			changed = append(changed, what)
		}
	}
	note(old.Log != cfg.Log, "log")
	note(old.Limits != cfg.Limits, "limits")
	note(!reflect.DeepEqual(old.Retry, cfg.Retry), "retry")
	note(old.Cooldown != cfg.Cooldown, "cooldown")
	note(!reflect.DeepEqual(old.Providers, cfg.Providers), "providers")
	note(old.Routing != cfg.Routing, "routing")
	note(!reflect.DeepEqual(old.OAuthModelAlias, cfg.OAuthModelAlias), "oauth_model_alias")
	note(!reflect.DeepEqual(aliasesOf(old), aliasesOf(cfg)), "aliases of credentials")
	for _, r := range built {
		note(true, "plugin "+r.plugin.Manifest().ID)
	}
	for _, rec := range plan.added {
		note(true, "credential "+rec.ID+" added")
	}
	for _, rec := range plan.changed {
		note(true, "credential "+rec.ID+" changed")
	}
	for _, id := range plan.removed {
		note(true, "credential "+id+" removed")
	}
	return changed
}

// aliasesOf returns the aliases of credentials, by provider and label.
func aliasesOf(cfg *settings.Config) map[[2]string][]settings.OAuthModelAlias {
	out := map[[2]string][]settings.OAuthModelAlias{}
	for _, c := range cfg.Credentials {
		if len(c.Aliases) > 0 {
			out[[2]string{c.Provider, c.Label}] = c.Aliases
		}
	}
	return out
}
