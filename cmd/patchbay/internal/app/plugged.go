package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/driver"
)

// hooking is what a version of a plugin has beside its providers.
type hooking struct {
	intercepts []*driver.Interceptor
	checks     []*driver.PostAuth
	observers  []*driver.Observer // from the moment it serves
}

// hook makes a version's interceptors and checks.
func (a *App) hook(r *running, opts driver.Options) error {
	m := r.plugin.Manifest()
	for _, p := range m.Provides.Preparers {
		i, err := driver.NewInterceptor(r.plugin, m, p, opts)
		if err != nil {
			return err
		}
		r.intercepts = append(r.intercepts, i)
	}
	for _, p := range m.Provides.PostAuth {
		check, err := driver.NewPostAuth(r.plugin, m, p, a.schemaOf, opts)
		if err != nil {
			return err
		}
		r.checks = append(r.checks, check)
		r.hooks = append(r.hooks, check.Check)
	}
	return nil
}

// observe starts a version's observers.
func (a *App) observe(r *running) error {
	m := r.plugin.Manifest()
	for _, o := range m.Provides.Observers {
		watching, err := driver.NewObserver(r.plugin, m, o, driver.Options{Logger: a.log})
		if err != nil {
			return fmt.Errorf("plugin %s: %w", m.ID, err)
		}
		r.observers = append(r.observers, watching)
	}
	return nil
}

// retire waits for what still runs in a version's hooks.
func (h *hooking) retire(ctx context.Context) error {
	for _, i := range h.intercepts {
		i.Retire()
	}
	for _, c := range h.checks {
		c.Retire()
	}
	var errs []error
	for _, i := range h.intercepts {
		errs = append(errs, i.Drain(ctx))
	}
	for _, c := range h.checks {
		errs = append(errs, c.Drain(ctx))
	}
	for _, o := range h.observers {
		errs = append(errs, o.Close(ctx))
	}
	return errors.Join(errs...)
}

// plugged are the hooks of all plugins that serve. It is never changed: another
// takes its place.
type plugged struct {
	intercepts map[string][]*driver.Interceptor // by provider, in order
	observers  hooks
}

// replug puts into force what the plugins that serve now have, in the
// configuration's order and then by id. The caller holds a.mu.
func (a *App) replug() {
	next := &plugged{intercepts: map[string][]*driver.Interceptor{}}
	for _, id := range inOrder(slices.Collect(maps.Keys(a.running)), a.config().Plugins.Order) {
		r := a.running[id]
		for _, o := range r.observers {
			next.observers = append(next.observers, o)
		}
		if r.plugin == nil {
			continue
		}
		for n, p := range r.plugin.Manifest().Provides.Preparers {
			for _, provider := range p.Providers {
				next.intercepts[provider] = append(next.intercepts[provider], r.intercepts[n])
			}
		}
	}
	a.plugged.Store(next)
}

// inOrder sorts ids: those of first as they stand there, then the others.
func inOrder(ids, first []string) []string {
	place := func(id string) int {
		if i := slices.Index(first, id); i >= 0 {
			return i
		}
		return len(first)
	}
	return slices.SortedFunc(slices.Values(ids), func(x, y string) int {
		return cmp.Or(cmp.Compare(place(x), place(y)), cmp.Compare(x, y))
	})
}

// intercepts returns who adds to the requests of a provider, in order.
func (a *App) intercepts(provider string) ([]*driver.Interceptor, error) {
	if now := a.plugged.Load(); now != nil {
		return now.intercepts[provider], nil
	}
	return nil, nil
}

// schemaOf returns the manifest of the plugin that serves a provider.
func (a *App) schemaOf(provider string) *abi.Manifest {
	if e := a.executor(provider); e != nil {
		return e.Manifest()
	}
	return nil
}

// watchers is the hook that tells the plugins that observe.
type watchers struct{ a *App }

var _ auth.Hook = watchers{}

func (w watchers) all() hooks {
	if now := w.a.plugged.Load(); now != nil {
		return now.observers
	}
	return nil
}

// OnAuthRegistered implements auth.Hook.
func (w watchers) OnAuthRegistered(ctx context.Context, c *auth.Auth) {
	w.all().OnAuthRegistered(ctx, c)
}

// OnAuthUpdated implements auth.Hook.
func (w watchers) OnAuthUpdated(ctx context.Context, c *auth.Auth) { w.all().OnAuthUpdated(ctx, c) }

// OnResult implements auth.Hook.
func (w watchers) OnResult(ctx context.Context, r auth.Result) { w.all().OnResult(ctx, r) }
