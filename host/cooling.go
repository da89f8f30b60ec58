package host

import (
	"context"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
	"github.com/patchbay-dev/patchbay/host/retry"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// SetCooldown changes how long failures block; the zero value means
// settings.DefaultCooldown. Blocks that stand end when they would have, except
// when this switches cooling off: then those of failures end now, and only a
// model that is not there stays away. core-decisions.md section 2, row 1.
func (m *Manager) SetCooldown(c settings.Cooldown) {
	if c == (settings.Cooldown{}) {
		c = settings.DefaultCooldown()
	}
	m.changeCooling(func(w *world) { w.cooldown = c })
}

// setProviders takes over what is set for providers: words on cooling, and on what
// their errors mean.
func (m *Manager) setProviders(providers map[string]settings.Provider) {
	var words map[string]bool
	rules := map[string]*retry.Rules{}
	for name, p := range providers {
		compiled, err := retry.CompileRules(p.RequestScopedErrors)
		if err != nil { // host/config has refused it, so this is a Go program's
			m.log.Warn("the error rules of a provider are not used", "provider", name, "error", err)
		}
		rules[providerKey(name)] = compiled
		if p.DisableCooling == nil {
			continue
		}
		if words == nil {
			words = map[string]bool{}
		}
		words[providerKey(name)] = *p.DisableCooling
	}
	m.changeCooling(func(w *world) { w.cooling, w.rules = words, rules })
}

// heedSwitch does what SetQuotaCooldownDisabled asked for since it last looked.
func (m *Manager) heedSwitch() {
	if now := cooldown.QuotaCooldownSwitches(); m.switches.Load() != now && m.switches.Swap(now) != now {
		m.changeCooling(func(*world) {})
	}
}

// changeCooling publishes a changed copy of the world, and ends the blocks of the
// credentials whose cooling is off by it.
func (m *Manager) changeCooling(f func(*world)) {
	var lifted []string
	m.change(func(w *world) {
		f(w)
		lifted = m.unsyncedLiftAll(w)
	})
	for _, id := range lifted {
		m.saveHealth(context.Background(), id)
	}
}

// unsyncedLiftAll ends the blocks of all credentials whose cooling is off and
// returns their ids.
func (m *Manager) unsyncedLiftAll(w *world) (lifted []string) {
	if !w.sparesSome() {
		return nil
	}
	now := m.now()
	for id, s := range m.slots {
		e := s.cur.Load()
		if e == nil {
			continue
		}
		a := *e.auth // shallow: Lift replaces what it changes
		if !w.lift(&a, now) {
			continue
		}
		next := e.after(&a)
		s.cur.Store(next)
		m.index.Put(next.member(s, now))
		lifted = append(lifted, id)
	}
	return lifted
}

// sparesSome reports whether anything but a credential's own word switches cooling
// off. That one is heeded when the record is written.
func (w *world) sparesSome() bool {
	for _, off := range w.cooling {
		if off {
			return true
		}
	}
	return w.cooldown.Disabled || cooldown.QuotaCooldownDisabled()
}

// cools reports whether failures of a credential block it.
func (w *world) cools(a *auth.Auth) bool {
	return !cooldown.Disabled(a, w.cooling, w.cooldown, cooldown.QuotaCooldownDisabled())
}

// lift ends the blocks of a record if its cooling is off.
func (w *world) lift(a *auth.Auth, now time.Time) bool {
	return !w.cools(a) && cooldown.Lift(a, now)
}
