package app

import (
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/plugins"
)

// view is what is shown of an installed plugin.
func (a *App) view(l plugins.Locked) admin.PluginView {
	v := admin.PluginView{ID: l.ID, Version: l.Version, SHA256: l.SHA256, Tier: "direct", Bytes: l.Size, InstalledAt: l.InstalledAt, Status: "installed"}
	v.Grants, v.Reason = l.Granted.Lines(), lockProblem(l)
	if m, err := plugins.ParseManifest(l.Manifest); err == nil {
		for _, p := range m.Provides.Providers {
			v.Providers = append(v.Providers, p.Key)
		}
	}
	if s, serves := a.standings()[l.ID]; serves {
		v.Status = "active"
		// Between the pin and the swap, another version still serves.
		if s.Quarantined && s.sha == l.SHA256 {
			v.Status, v.Reason = "quarantined", s.Reason
		}
	}
	return v
}
