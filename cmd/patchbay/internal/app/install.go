package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/plugins"
)

// InstallPlugin checks a module, proves that it starts, pins its hash and its
// manifest in the store's lock, and, in a server, lets it take the requests
// from the version before. A module that is refused changes nothing; one that
// asks for more than its plugin was granted waits.
func (a *App) InstallPlugin(ctx context.Context, req admin.InstallRequest) (admin.PluginView, error) {
	a.installing.Lock()
	defer a.installing.Unlock()
	var none admin.PluginView

	info, err := plugins.Inspect(req.Wasm)
	if err != nil {
		return none, refused(req.Path, err)
	}
	if len(info.Problems) > 0 {
		return none, refused(req.Path, errors.New(strings.Join(info.Problems, "; ")))
	}
	m := info.Manifest
	locked, err := a.locked(ctx)
	if err != nil {
		return none, err
	}
	var old *plugins.Locked
	for _, l := range locked {
		if l.ID == m.ID {
			old = &l
		} else if key := sharedProvider(l, m); key != "" {
			return none, conflict("provider %q is served by plugin %s already: remove that one first (patchbay plugin remove %s)", key, l.ID, l.ID)
		}
	}
	next := plugins.Lock(info, time.Now().UTC())
	consent := plugins.Consent{All: req.Yes, Named: req.Grants}
	if old == nil {
		if w := (plugins.Grant{}).Withheld(info.Asks, consent); w.Any() {
			return none, noConsent(m.ID, m.Version, w)
		}
		return a.activate(ctx, req.Path, req.Wasm, next, nil)
	}
	if old.SHA256 == info.SHA256 && len(old.Granted.Missing(info.Asks)) == 0 {
		return a.mend(ctx, req.Wasm, *old)
	}
	if why := old.Refuses(info); why != "" && !req.Force {
		return none, conflict("%s is not installed: %s; what serves stays; to install it all the same, use --force", orModule(req.Path), why)
	}
	// An update gets by --yes no more than its plugin has: whoever updates by a
	// script has not looked.
	if w := old.Granted.Withheld(info.Asks, plugins.Consent{Named: req.Grants}); w.Any() {
		return a.offer(ctx, req.Wasm, *old, next, w)
	}
	return a.activate(ctx, req.Path, req.Wasm, next, old)
}

// mend stores the file of an installed version again, which may be gone or
// damaged, and drops an update that waits.
func (a *App) mend(ctx context.Context, wasm []byte, l plugins.Locked) (admin.PluginView, error) {
	if _, err := a.plugins.Store(wasm); err != nil {
		return admin.PluginView{}, err
	}
	if l.Pending != nil {
		l.Pending = nil
		if err := a.saveLock(ctx, l); err != nil {
			return admin.PluginView{}, err
		}
	}
	return a.view(l), nil
}

// activate lets a version whose grant is settled take over from old, which is
// nil when there is none. Path names the module in errors.
func (a *App) activate(ctx context.Context, path string, wasm []byte, next plugins.Locked, old *plugins.Locked) (admin.PluginView, error) {
	var none admin.PluginView
	p, err := a.plugins.Load(ctx, wasm, a.pluginConfig(next.ID))
	if err != nil {
		return none, refused(path, err)
	}
	// Whatever can fail comes before the pin: a version that cannot serve must
	// not be what the next start finds.
	r, err := a.prepare(p, a.config())
	if err != nil {
		return none, errors.Join(refused(path, err), p.Close(ctx))
	}
	if old != nil {
		next = old.Follow(next)
		p.Try()
	}
	if err := a.pin(ctx, wasm, next); err != nil {
		return none, errors.Join(err, p.Close(ctx))
	}
	if !a.isServing() {
		return a.view(next), p.Close(ctx)
	}
	if err := a.swap(r); err != nil {
		return none, errors.Join(err, p.Close(ctx))
	}
	a.listAllModels(ctx, p.Manifest())
	return a.view(next), nil
}

// pin makes the module durable, then the record that names it: a crash between
// the two leaves a file that nothing refers to.
func (a *App) pin(ctx context.Context, wasm []byte, l plugins.Locked) error {
	if _, err := a.plugins.Store(wasm); err != nil {
		return err
	}
	return a.saveLock(ctx, l)
}

// saveLock makes a plugin's record durable, then deletes the files that no
// record names any more.
func (a *App) saveLock(ctx context.Context, l plugins.Locked) error {
	raw, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if err := a.store.Records(bucketPlugins).Put(ctx, l.ID, raw); err != nil {
		return fmt.Errorf("store the plugin's lock: %w", err)
	}
	a.problem(problemOfPlugin(l.ID), lockProblem(l))
	a.prune(ctx)
	return nil
}

// prune deletes the files of versions that nobody pins any more. One that stays
// costs a little room and nothing else.
func (a *App) prune(ctx context.Context) {
	locked, err := a.locked(ctx)
	if err == nil {
		err = a.plugins.Prune(locked)
	}
	if err != nil {
		a.log.Warn("files of old plugins were not deleted", "error", err)
	}
}

// RemovePlugin takes a plugin out: no new requests, running ones finish.
func (a *App) RemovePlugin(ctx context.Context, id string) error {
	a.installing.Lock()
	defer a.installing.Unlock()
	if _, err := a.lockedByID(ctx, id); err != nil {
		return err
	}
	if err := a.store.Records(bucketPlugins).Delete(ctx, id); err != nil {
		return fmt.Errorf("delete the plugin's lock: %w", err)
	}
	a.problem(problemOfPlugin(id), "")
	a.prune(ctx)
	a.withdraw(id)
	return nil
}

// ListPlugins returns the installed plugins by id.
func (a *App) ListPlugins(ctx context.Context) ([]admin.PluginView, error) {
	locked, err := a.locked(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]admin.PluginView, 0, len(locked))
	for _, l := range locked {
		views = append(views, a.view(l))
	}
	return views, nil
}

// locked returns the lock's records by id.
func (a *App) locked(ctx context.Context) ([]plugins.Locked, error) {
	records, err := a.store.Records(bucketPlugins).All(ctx)
	if err := a.tolerate(err); err != nil {
		return nil, fmt.Errorf("read the plugins' lock: %w", err)
	}
	var all []plugins.Locked
	for _, r := range records {
		var l plugins.Locked
		if err := json.Unmarshal(r.Value, &l); err != nil {
			return nil, fmt.Errorf("plugin %s in the store is not readable: %w", r.Key, err)
		}
		all = append(all, l)
	}
	return all, nil
}

func (a *App) lockedByID(ctx context.Context, id string) (plugins.Locked, error) {
	all, err := a.locked(ctx)
	if err != nil {
		return plugins.Locked{}, err
	}
	for _, l := range all {
		if l.ID == id {
			return l, nil
		}
	}
	return plugins.Locked{}, notFound("no plugin %q is installed: patchbay plugin list shows which are", id)
}

// manifestOf returns the manifest and the provider of an installed plugin.
func (a *App) manifestOf(ctx context.Context, provider string) (*abi.Manifest, *abi.Provider, error) {
	all, err := a.parsed(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range all {
		for i := range m.Provides.Providers {
			if m.Provides.Providers[i].Key == provider {
				return m, &m.Provides.Providers[i], nil
			}
		}
	}
	return nil, nil, notFound("no installed plugin serves provider %q: install one first (patchbay plugin install F.wasm)", provider)
}

// parsed returns the manifests of the installed plugins, by id.
func (a *App) parsed(ctx context.Context) ([]*abi.Manifest, error) {
	locked, err := a.locked(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]*abi.Manifest, 0, len(locked))
	for _, l := range locked {
		m, err := plugins.ParseManifest(l.Manifest)
		if err != nil {
			return nil, fmt.Errorf("plugin %s in the store: %w", l.ID, err)
		}
		all = append(all, m)
	}
	return all, nil
}

func sharedProvider(l plugins.Locked, m *abi.Manifest) string {
	other, err := plugins.ParseManifest(l.Manifest)
	if err != nil {
		return ""
	}
	for _, p := range other.Provides.Providers {
		for _, q := range m.Provides.Providers {
			if p.Key == q.Key {
				return p.Key
			}
		}
	}
	return ""
}

func (a *App) pluginConfig(id string) json.RawMessage { return pluginConfig(a.config(), id) }

func pluginConfig(cfg *settings.Config, id string) json.RawMessage {
	c := cfg.Plugins.Config[id]
	if c == nil {
		return nil
	}
	raw, err := json.Marshal(c)
	if err != nil { // what YAML gave always marshals
		return nil
	}
	return raw
}

// refused says which file is refused, and why, once: what a RefusedError says
// of file and refusal is said here already.
func refused(name string, err error) error {
	name = orModule(name)
	if r, ok := errors.AsType[*plugins.RefusedError](err); ok {
		err = errors.New(strings.TrimPrefix(r.Plugin+" "+r.Version+": ", " : ") + r.Reason)
	}
	return &admin.Error{Code: admin.CodeRefused, Message: fmt.Sprintf("%s is refused: %v", name, err)}
}

func orModule(name string) string {
	if name == "" {
		return "the module"
	}
	return name
}
