package app

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/telemetry"
	"github.com/patchbay-dev/patchbay/plugins"
	"github.com/patchbay-dev/patchbay/plugins/direct"
)

// hooks are several hooks as one. Each is told in turn.
type hooks []auth.Hook

var (
	_ auth.CooldownObserver = hooks(nil)
	_ auth.RefreshObserver  = hooks(nil)
)

// OnAuthRegistered implements auth.Hook.
func (h hooks) OnAuthRegistered(ctx context.Context, a *auth.Auth) {
	for _, hook := range h {
		hook.OnAuthRegistered(ctx, a.Clone())
	}
}

// OnAuthUpdated implements auth.Hook.
func (h hooks) OnAuthUpdated(ctx context.Context, a *auth.Auth) {
	for _, hook := range h {
		hook.OnAuthUpdated(ctx, a.Clone())
	}
}

// OnResult implements auth.Hook.
func (h hooks) OnResult(ctx context.Context, r auth.Result) {
	for _, hook := range h {
		hook.OnResult(ctx, r)
	}
}

// OnCooldown implements auth.CooldownObserver.
func (h hooks) OnCooldown(ctx context.Context, r auth.Result, b auth.Block) {
	for _, hook := range h {
		if observer, ok := hook.(auth.CooldownObserver); ok {
			observer.OnCooldown(ctx, r, b)
		}
	}
}

// OnRefresh implements auth.RefreshObserver.
func (h hooks) OnRefresh(ctx context.Context, provider string, err error) {
	for _, hook := range h {
		if observer, ok := hook.(auth.RefreshObserver); ok {
			observer.OnRefresh(ctx, provider, err)
		}
	}
}

// measure lets the metrics read what is counted elsewhere.
func (a *App) measure(m *telemetry.Metrics) {
	m.Plugins(a.versions.stats)
	m.Store(func() telemetry.StoreStats {
		s := a.store.Stats()
		return telemetry.StoreStats{Writes: s.Writes, Failed: s.Failed, Waited: s.Waited, Took: s.Took}
	})
}

// versions knows every version of every plugin that is not closed yet, and
// keeps the sums of those that are, so that a counter never falls when a plugin
// is replaced. The zero value is ready.
type versions struct {
	mu   sync.Mutex // guards live and past
	live map[*plugins.Plugin]string
	past map[string]telemetry.PluginStats
}

// add takes note of a version that begins to serve.
func (v *versions) add(p *plugins.Plugin) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.live == nil {
		v.live, v.past = map[*plugins.Plugin]string{}, map[string]telemetry.PluginStats{}
	}
	v.live[p] = p.Manifest().ID
}

// drop takes note of a version that was closed.
func (v *versions) drop(p *plugins.Plugin) {
	v.mu.Lock()
	defer v.mu.Unlock()
	id, known := v.live[p]
	if !known {
		return
	}
	delete(v.live, p)
	sum := sumOf(v.past[id], id, p.Stats())
	sum.Instances, sum.Leased, sum.MemoryBytes = 0, 0, 0
	v.past[id] = sum
}

// stats returns what the plugins have done since the server started, and what
// they hold, by id.
func (v *versions) stats() []telemetry.PluginStats {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := map[string]telemetry.PluginStats{}
	for id, s := range v.past {
		s.Faults = maps.Clone(s.Faults)
		all[id] = s
	}
	for p, id := range v.live {
		all[id] = sumOf(all[id], id, p.Stats())
	}
	return slices.SortedFunc(maps.Values(all), func(a, b telemetry.PluginStats) int { return strings.Compare(a.Plugin, b.Plugin) })
}

// sumOf adds what one version has done to a sum.
func sumOf(sum telemetry.PluginStats, id string, s direct.Stats) telemetry.PluginStats {
	sum.Plugin = id
	sum.Instances += s.Instances
	sum.Leased += s.Leased
	sum.MemoryBytes += s.MemoryBytes
	sum.Calls += s.Calls
	sum.Slices += s.Slices
	sum.Waits += s.Waits
	sum.Waited += s.Waited
	if sum.Faults == nil {
		sum.Faults = map[string]uint64{}
	}
	for kind, n := range s.Faults {
		sum.Faults[kind.String()] += n
	}
	return sum
}
