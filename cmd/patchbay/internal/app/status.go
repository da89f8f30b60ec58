package app

import (
	"context"
	"strings"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/plugins/direct"
)

// Status returns all that an operator looks at first.
func (a *App) Status(ctx context.Context) (admin.Status, error) {
	health, err := a.Health(ctx)
	if err != nil {
		return admin.Status{}, err
	}
	s := admin.Status{
		Health: health, Running: a.isServing(), Keys: a.keys.Len(), StreamsOpen: a.manager.OpenStreams(),
		States: map[string]int{}, Credentials: []admin.AuthStatus{}, Plugins: []admin.PluginStatus{}, LastErrors: a.failures.newest(),
	}
	if s.Running {
		s.StartedAt = a.started.UTC()
	} else {
		s.Uptime = 0
	}
	for _, c := range a.records() {
		v := a.conditionOf(c)
		s.States[v.State]++
		s.Credentials = append(s.Credentials, v)
	}
	locked, err := a.locked(ctx)
	if err != nil {
		return admin.Status{}, err
	}
	for _, l := range locked {
		v := a.view(l)
		p := admin.PluginStatus{ID: v.ID, Version: v.Version, Status: v.Status, Providers: v.Providers}
		stats := a.statsOf(l.ID)
		p.Instances, p.Leased, p.MemoryBytes, p.Calls = stats.Instances, stats.Leased, stats.MemoryBytes, stats.Calls
		for kind, n := range stats.Faults {
			if p.Faults == nil {
				p.Faults = map[string]uint64{}
			}
			p.Faults[kind.String()] = n
		}
		s.Plugins = append(s.Plugins, p)
	}
	for i := range s.LastErrors {
		s.LastErrors[i].Message = strings.ToValidUTF8(a.redact(s.LastErrors[i].Message), "")
	}
	return s, nil
}

// statsOf returns the numbers of a plugin that serves, else none.
func (a *App) statsOf(id string) direct.Stats {
	a.mu.Lock()
	r := a.running[id]
	a.mu.Unlock()
	if r == nil {
		return direct.Stats{}
	}
	return r.plugin.Stats()
}
