package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/driver"
	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/plugins"
)

// running is a plugin that serves: the module and an executor for each of its
// providers.
type running struct {
	plugin    *plugins.Plugin
	executors []*driver.Executor
	hooking
	// hooks look at new credentials, in the manifest's order.
	hooks []auth.PostAuthHook
}

// close waits for what still runs on this version, then closes it.
func (r *running) close(ctx context.Context) error {
	for _, e := range r.executors {
		e.Retire()
		if err := e.Drain(ctx); err != nil {
			break // the time is up; Close ends what is left
		}
	}
	_ = r.retire(ctx) // so it is here
	return r.plugin.Close(ctx)
}

// Start loads the installed plugins, registers the configured credentials and
// learns the models of all. A plugin whose file is not the one that was
// installed stops the start.
func (a *App) Start(ctx context.Context) error {
	a.mu.Lock()
	a.serving = true
	a.mu.Unlock()
	locked, err := a.locked(ctx)
	if err != nil {
		return err
	}
	for _, l := range locked {
		p, err := a.loadLocked(ctx, l, a.config())
		if err != nil {
			return err // it names the plugin and the file
		}
		if err := a.publish(p); err != nil {
			return errors.Join(err, p.Close(ctx))
		}
	}
	for _, c := range a.config().Credentials {
		if err := a.registerConfigured(ctx, c); err != nil {
			return err
		}
	}
	a.listModelsOf(ctx, a.manager.List())
	a.manager.StartAutoRefresh(a.background, 0)
	a.resumeRotation()
	return nil
}

// publish lets p take the requests of its providers, and drains the version
// that had them before.
func (a *App) publish(p *plugins.Plugin) error {
	r, err := a.prepare(p, a.config())
	if err != nil {
		return err
	}
	return a.swap(r)
}

// prepare makes all that p needs to serve under a configuration.
func (a *App) prepare(p *plugins.Plugin, cfg *settings.Config) (*running, error) {
	m := p.Manifest()
	r := &running{plugin: p}
	opts := driver.Options{
		Door:         a.door,
		HostVersion:  a.version,
		IdleTimeout:  cfg.Limits.IdleTimeout,
		Logger:       a.log,
		Intercept:    a.intercepts,
		ConfigSecret: p.Secret,
	}
	if err := a.hook(r, opts); err != nil {
		return nil, fmt.Errorf("plugin %s: %w", m.ID, err)
	}
	for i := range m.Provides.Providers {
		e, err := driver.New(p, m, m.Provides.Providers[i], opts)
		if err != nil {
			return nil, fmt.Errorf("plugin %s: %w", m.ID, err)
		}
		r.executors = append(r.executors, e)
	}
	return r, nil
}

// swap lets r take the requests, and drains the version that had them before.
func (a *App) swap(r *running) error {
	m := r.plugin.Manifest()
	err := a.observe(r)
	a.mu.Lock()
	if a.closed || err != nil {
		a.mu.Unlock()
		return errors.Join(cmp.Or(err, ErrClosed), r.retire(a.background))
	}
	old := a.running[m.ID]
	a.running[m.ID] = r
	a.replug()
	a.mu.Unlock()
	a.versions.add(r.plugin)
	for _, e := range r.executors {
		a.manager.RegisterExecutor(e)
	}
	if old != nil {
		for _, e := range old.executors {
			if !serves(r, e.Identifier()) {
				a.unserve(e.Identifier())
			}
		}
		a.retire(m.ID, old)
	}
	a.log.Info("plugin serves", "plugin", m.ID, "version", m.Version, "sha256", r.plugin.SHA256())
	return nil
}

func serves(r *running, provider string) bool {
	return slices.ContainsFunc(r.executors, func(e *driver.Executor) bool { return e.Identifier() == provider })
}

// withdraw stops a plugin: no new requests, running ones finish.
func (a *App) withdraw(id string) {
	a.mu.Lock()
	old := a.running[id]
	delete(a.running, id)
	a.replug()
	a.mu.Unlock()
	if old == nil {
		return
	}
	for _, e := range old.executors {
		a.unserve(e.Identifier())
	}
	a.retire(id, old)
}

// unserve takes a provider out. Its credentials serve nothing then, and say why;
// what was learned of their models is forgotten, as it would be by a restart.
func (a *App) unserve(provider string) {
	a.manager.UnregisterExecutor(provider)
	for _, c := range a.manager.List() {
		if c.Provider != provider {
			continue
		}
		if c.DeclaredModels() == nil {
			a.manager.SetModels(c.ID)
		}
		a.problem(modelsOf(c.ID), noPlugin(provider))
	}
}

func noPlugin(provider string) string {
	return fmt.Sprintf("no installed plugin serves provider %q", provider)
}

// retire closes a version behind the scenes, once its attempts have ended.
func (a *App) retire(id string, old *running) {
	a.goBackground(func(ctx context.Context) {
		if err := a.closeVersion(ctx, old); err != nil && ctx.Err() == nil {
			a.log.Error("close the old version of a plugin", "plugin", id, "error", err)
		}
	})
}

// closeVersion closes a version that served.
func (a *App) closeVersion(ctx context.Context, r *running) error {
	defer a.versions.drop(r.plugin)
	return r.close(ctx)
}

func (a *App) executor(provider string) *driver.Executor {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.running {
		for _, e := range r.executors {
			if e.Identifier() == provider {
				return e
			}
		}
	}
	return nil
}

func (a *App) isServing() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.serving
}

// Times of listing models: what a start or a command waits, and how often a
// failed list is tried again behind the scenes.
const (
	modelsWait     = 15 * time.Second
	modelsWaitAll  = 3 * time.Second
	modelsAtOnce   = 16
	modelsRetryMin = 5 * time.Second
	modelsRetryMax = 5 * time.Minute
)

// modelsOf is the subject of problems with listing a credential's models.
func modelsOf(id string) string { return "models of " + id }

// listAllModels learns the models of every credential of m's providers anew.
func (a *App) listAllModels(ctx context.Context, m *abi.Manifest) {
	list := slices.DeleteFunc(a.manager.List(), func(c *auth.Auth) bool {
		return !slices.ContainsFunc(m.Provides.Providers, func(p abi.Provider) bool { return p.Key == c.Provider })
	})
	a.listModelsOf(ctx, list)
}

// listModelsOf learns the models of several credentials, some at a time. It
// gives up waiting after a while: providers that are slow or down must not keep
// the others from serving.
func (a *App) listModelsOf(ctx context.Context, list []*auth.Auth) {
	ctx, cancel := context.WithTimeout(ctx, modelsWaitAll)
	defer cancel()
	var wg sync.WaitGroup
	places := make(chan struct{}, modelsAtOnce)
	for _, c := range list {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			a.listModels(ctx, c)
		})
	}
	wg.Wait()
}

// listModels learns what models a credential serves: those that the operator
// declared, else those that the provider lists. A list that fails is tried
// again behind the scenes.
func (a *App) listModels(ctx context.Context, c *auth.Auth) {
	subject := modelsOf(c.ID)
	e := a.executor(c.Provider)
	if e == nil {
		a.problem(subject, noPlugin(c.Provider))
	}
	if declared := c.DeclaredModels(); declared != nil {
		infos := make([]host.ModelInfo, len(declared))
		for i, name := range declared {
			infos[i] = host.ModelInfo{ID: name, OwnedBy: c.Provider}
		}
		a.manager.SetModels(c.ID, infos...)
		if e != nil {
			a.problem(subject, "")
		}
		return
	}
	if e == nil {
		return
	}
	short, cancel := context.WithTimeout(ctx, modelsWait)
	defer cancel()
	err := a.fetchModels(short, e, c)
	if err == nil {
		return
	}
	a.log.Warn("list models; will try again", "credential", c.ID, "provider", c.Provider, "error", err)
	if a.beginRetry(c.ID) {
		a.goBackground(func(ctx context.Context) {
			defer a.endRetry(c.ID)
			a.retryModels(ctx, c.ID)
		})
	}
}

// beginRetry reports whether nobody tries to list the credential's models yet.
func (a *App) beginRetry(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.retrying[id] {
		return false
	}
	a.retrying[id] = true
	return true
}

func (a *App) endRetry(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.retrying, id)
}

func (a *App) fetchModels(ctx context.Context, e *driver.Executor, c *auth.Auth) error {
	subject := modelsOf(c.ID)
	list, err := e.Models(ctx, c)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = errors.New("it did not answer in time")
		}
		a.problem(subject, fmt.Sprintf("the provider did not list models: %v", err))
		return err
	}
	infos := make([]host.ModelInfo, len(list))
	for i, m := range list {
		infos[i] = host.ModelInfo{ID: m.ID, DisplayName: m.DisplayName, OwnedBy: m.OwnedBy, ContextTokens: m.ContextTokens}
		if !m.Created.IsZero() {
			infos[i].Created = m.Created.Unix()
		}
		if infos[i].OwnedBy == "" {
			infos[i].OwnedBy = c.Provider
		}
	}
	a.manager.SetModels(c.ID, infos...)
	a.problem(subject, "")
	return nil
}

func (a *App) retryModels(ctx context.Context, id string) {
	for wait := modelsRetryMin; ; wait = min(2*wait, modelsRetryMax) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		c, ok := a.manager.GetByID(id)
		if !ok {
			a.problem(modelsOf(id), "") // it was removed meanwhile
			return
		}
		if c.DeclaredModels() != nil {
			return
		}
		e := a.executor(c.Provider)
		if e == nil {
			return // a later install lists them
		}
		short, cancel := context.WithTimeout(ctx, modelsWait)
		err := a.fetchModels(short, e, c)
		cancel()
		if err == nil {
			return
		}
	}
}

// Health says whether the server can do its work, and what stands in the way.
func (a *App) Health(context.Context) (admin.Health, error) {
	standings := a.standings()
	a.mu.Lock()
	defer a.mu.Unlock()
	h := admin.Health{Ready: a.serving && !a.draining, Version: a.version, Uptime: time.Since(a.started).Round(time.Second)}
	for id, s := range standings {
		if s.Quarantined {
			h.Reasons = append(h.Reasons, problemOfPlugin(id)+": in quarantine: "+s.Reason)
		}
	}
	for subject, text := range a.problems {
		h.Reasons = append(h.Reasons, subject+": "+text)
	}
	for _, u := range a.manager.UnsavedRefreshes() {
		h.Reasons = append(h.Reasons, fmt.Sprintf("credential %s: its refreshed tokens are not saved since %s: %v", u.ID, u.Since.Format(time.RFC3339), u.Err))
	}
	if err := a.store.Trouble(); err != nil {
		h.Reasons = append(h.Reasons, "store: "+err.Error())
	}
	slices.Sort(h.Reasons)
	if a.draining {
		h.Reasons = append(h.Reasons, "server: it is shutting down")
	}
	return h, nil
}

func selectorOf(r settings.Routing) auth.Selector {
	switch r.Strategy {
	case "fill_first":
		return &host.FillFirstSelector{}
	case "weighted":
		return &host.WeightedSelector{}
	}
	return &host.RoundRobinSelector{}
}

// Ready reports whether requests can be served, for readiness probes.
func (a *App) Ready() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.serving && !a.draining
}

// Drain says that the server is about to stop: it is not ready any more.
func (a *App) Drain() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.draining = true
}
