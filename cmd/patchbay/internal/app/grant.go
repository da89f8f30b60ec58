package app

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/plugins"
)

// offer keeps an update that asks for more than its plugin was granted, until it
// is granted; the version before it serves on. Nothing of it runs.
func (a *App) offer(ctx context.Context, wasm []byte, old, next plugins.Locked, w plugins.Withheld) (admin.PluginView, error) {
	if len(w.Unknown) > 0 {
		return admin.PluginView{}, noConsent(next.ID, next.Version, w)
	}
	if err := a.pin(ctx, wasm, old.Offer(next)); err != nil {
		return admin.PluginView{}, err
	}
	a.log.Warn("an update of a plugin asks for more than was granted and waits", "plugin", next.ID, "version", next.Version, "asks", append(w.Lines, w.Words...))
	v := a.view(next)
	v.Status = "pending"
	v.Reason = fmt.Sprintf("it asks for more than was granted (%s); version %s serves on until you run: patchbay plugin grant %s",
		strings.Join(append(w.Lines, w.Words...), "; "), old.Version, next.ID)
	return v, nil
}

// GrantPlugin lets an update that waits for a grant take over.
func (a *App) GrantPlugin(ctx context.Context, req admin.GrantRequest) (admin.PluginView, error) {
	a.installing.Lock()
	defer a.installing.Unlock()
	var none admin.PluginView
	l, err := a.lockedByID(ctx, req.ID)
	if err != nil {
		return none, err
	}
	next := l.Pending
	if next == nil {
		return none, conflict("no update of plugin %s waits for a grant: version %s has all that it asks for", l.ID, l.Version)
	}
	if req.SHA256 != "" && req.SHA256 != next.SHA256 {
		return none, conflict("another update of plugin %s has come meanwhile: look at it again (patchbay plugin grant %s)", l.ID, l.ID)
	}
	m, err := plugins.ParseManifest(next.Manifest)
	if err != nil {
		return none, refused("the update", err)
	}
	next.Granted = plugins.GrantFor(m)
	if w := l.Granted.Withheld(next.Granted, plugins.Consent{All: req.Yes, Named: req.Grants}); w.Any() {
		return none, noConsent(next.ID, next.Version, w)
	}
	wasm, err := a.plugins.Read(*next)
	if err != nil {
		return none, refused("the update", err)
	}
	return a.activate(ctx, "the update", wasm, *next, &l)
}

// ShowPlugin returns all that is known of an installed plugin.
func (a *App) ShowPlugin(ctx context.Context, id string) (admin.PluginDetail, error) {
	l, err := a.lockedByID(ctx, id)
	if err != nil {
		return admin.PluginDetail{}, err
	}
	d := admin.PluginDetail{PluginView: a.view(l), Manifest: l.Manifest}
	if p := l.Pending; p != nil {
		d.Pending = &admin.PluginOffer{Version: p.Version, SHA256: p.SHA256, Manifest: p.Manifest}
		if asks, err := asksOf(p.Manifest); err == nil {
			w := l.Granted.Withheld(asks, plugins.Consent{})
			d.Pending.New, d.Pending.Named = w.Lines, w.Words
		}
	}
	return d, nil
}

func asksOf(manifest json.RawMessage) (plugins.Grant, error) {
	m, err := plugins.ParseManifest(manifest)
	if err != nil {
		return plugins.Grant{}, err
	}
	return plugins.GrantFor(m), nil
}

// noConsent names what was not agreed to.
func noConsent(id, version string, w plugins.Withheld) error {
	if len(w.Unknown) > 0 {
		return &admin.Error{Code: admin.CodeInvalid, Message: fmt.Sprintf("plugin %s %s does not ask for %s: nothing was changed", id, version, strings.Join(w.Unknown, ", "))}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "plugin %s %s was not accepted, nothing was changed", id, version)
	if len(w.Lines) > 0 {
		fmt.Fprintf(&text, "; it asks for: %s; if you agree, use --yes", strings.Join(w.Lines, "; "))
	}
	if len(w.Words) > 0 {
		text.WriteString("; this has to be granted by name, if you agree:")
		for _, word := range w.Words {
			text.WriteString(" --grant " + word)
		}
	}
	return &admin.Error{Code: admin.CodeConsent, Message: text.String()}
}
