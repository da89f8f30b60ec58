package app

import (
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/plugins"
)

// view is what is shown of an installed plugin.
func (a *App) view(l plugins.Locked) admin.PluginView {
	v := admin.PluginView{ID: l.ID, Version: l.Version, SHA256: l.SHA256, Tier: "direct", Bytes: l.Size, InstalledAt: l.InstalledAt, Status: "installed"}
	v.Grants = append(v.Grants, l.Granted.Capabilities...)
	if m, err := plugins.ParseManifest(l.Manifest); err == nil {
		for _, p := range m.Provides.Providers {
			v.Providers = append(v.Providers, p.Key)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running[l.ID] != nil {
		v.Status = "active"
	}
	return v
}
