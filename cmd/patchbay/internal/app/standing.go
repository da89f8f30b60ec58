package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/plugins"
)

// problemOfPlugin is the subject of problems with a plugin.
func problemOfPlugin(id string) string { return "plugin " + id }

// lockProblem says what an operator should know of a plugin's record, or
// nothing: that an update waits, or that a version was rolled back.
func lockProblem(l plugins.Locked) string {
	switch {
	case l.Pending != nil:
		return fmt.Sprintf("version %s waits for a grant: patchbay plugin grant %s", l.Pending.Version, l.ID)
	case l.RolledBack != nil:
		return fmt.Sprintf("version %s faulted at once and was rolled back at %s: %s", l.RolledBack.Version, l.RolledBack.At.UTC().Format(time.RFC3339), l.RolledBack.Reason)
	}
	return ""
}

// standing is whether a version that serves may be called.
type standing struct {
	plugins.Standing
	sha string
}

// standings returns that of the plugins that serve, by id.
func (a *App) standings() map[string]standing {
	a.mu.Lock()
	serving := make(map[string]*plugins.Plugin, len(a.running))
	for id, r := range a.running {
		serving[id] = r.plugin
	}
	a.mu.Unlock()
	out := make(map[string]standing, len(serving))
	for id, p := range serving {
		out[id] = standing{p.Standing(), p.SHA256()}
	}
	return out
}

// loadLocked loads an installed version under a configuration. One that has not
// done well yet is on trial, if there is one to go back to.
func (a *App) loadLocked(ctx context.Context, l plugins.Locked, cfg *settings.Config) (*plugins.Plugin, error) {
	p, err := a.plugins.LoadLocked(ctx, l, pluginConfig(cfg, l.ID))
	if err != nil {
		return nil, err
	}
	if l.Previous != nil && !l.Tried {
		p.Try()
	}
	a.problem(problemOfPlugin(l.ID), lockProblem(l))
	return p, nil
}

// pluginChanged takes in that a plugin was put into quarantine, or has come
// through its trial. It is called within calls.
func (a *App) pluginChanged(p *plugins.Plugin, e plugins.Event, reason string) {
	id, version := p.Manifest().ID, p.Manifest().Version
	switch e {
	case plugins.EventQuarantined:
		a.log.Error("a plugin is in quarantine", "plugin", id, "version", version, "reason", reason)
	case plugins.EventRecovered:
		a.log.Info("a plugin is out of quarantine", "plugin", id, "version", version)
	case plugins.EventFailedTrial:
		a.goBackground(func(ctx context.Context) { a.rollBack(ctx, p, reason) })
	case plugins.EventPassedTrial:
		a.goBackground(func(ctx context.Context) { a.passed(ctx, p) })
	}
}

// rollBack lets the version before p serve again. When that cannot be, p goes on:
// it may still be of use.
func (a *App) rollBack(ctx context.Context, p *plugins.Plugin, reason string) {
	a.installing.Lock()
	defer a.installing.Unlock()
	id, version := p.Manifest().ID, p.Manifest().Version
	l, err := a.lockedByID(ctx, id)
	if err != nil || l.SHA256 != p.SHA256() {
		return // removed or replaced meanwhile
	}
	back, ok := l.GoBack(time.Now().UTC(), reason)
	if !ok {
		p.Lift()
		return
	}
	if err := a.serveAgain(ctx, back); err != nil {
		p.Lift()
		if ctx.Err() == nil {
			a.log.Error("a new version of a plugin faults, and the one before it cannot be brought back", "plugin", id, "version", version, "reason", reason, "error", err)
		}
		return
	}
	a.log.Error("a new version of a plugin faulted at once and was rolled back", "plugin", id, "version", version, "back_to", back.Version, "reason", reason)
}

// serveAgain pins and publishes an earlier version.
func (a *App) serveAgain(ctx context.Context, back plugins.Locked) error {
	old, err := a.loadLocked(ctx, back, a.config())
	if err != nil {
		return err
	}
	r, err := a.prepare(old, a.config())
	if err != nil {
		return errors.Join(err, old.Close(ctx))
	}
	if err := a.saveLock(ctx, back); err != nil {
		return errors.Join(err, old.Close(ctx))
	}
	if err := a.swap(r); err != nil {
		return errors.Join(err, old.Close(ctx))
	}
	a.listAllModels(ctx, old.Manifest())
	return nil
}

// passed notes that a version has done well.
func (a *App) passed(ctx context.Context, p *plugins.Plugin) {
	a.installing.Lock()
	defer a.installing.Unlock()
	l, err := a.lockedByID(ctx, p.Manifest().ID)
	if err != nil || l.SHA256 != p.SHA256() || l.Tried {
		return
	}
	l.Tried = true
	if err := a.saveLock(ctx, l); err != nil && ctx.Err() == nil {
		a.log.Warn("it was not noted that a new version of a plugin does well; the next start watches it again", "plugin", l.ID, "error", err)
	}
}

// EnablePlugin ends a plugin's quarantine, and forgets that a version was rolled
// back.
func (a *App) EnablePlugin(ctx context.Context, id string) (admin.PluginView, error) {
	a.installing.Lock()
	defer a.installing.Unlock()
	l, err := a.lockedByID(ctx, id)
	if err != nil {
		return admin.PluginView{}, err
	}
	if l.RolledBack != nil {
		l.RolledBack = nil
		if err := a.saveLock(ctx, l); err != nil {
			return admin.PluginView{}, err
		}
	}
	a.mu.Lock()
	r := a.running[id]
	a.mu.Unlock()
	if r != nil {
		r.plugin.Lift()
	}
	return a.view(l), nil
}
