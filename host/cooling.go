package host

import (
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
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
	var lifted []string
	m.change(func(w *world) {
		off := c.Disabled && !w.cooldown.Disabled
		if w.cooldown = c; off {
			lifted = m.unsyncedLiftAll(c)
		}
	})
	for _, id := range lifted {
		m.saveLater(id)
	}
}

// unsyncedLiftAll ends the blocks of all credentials whose cooling is off and
// returns their ids.
func (m *Manager) unsyncedLiftAll(c settings.Cooldown) (lifted []string) {
	now := m.now()
	for id, s := range m.slots {
		e := s.cur.Load()
		if e == nil {
			continue
		}
		a := *e.auth // shallow: Lift replaces what it changes
		if !lift(&a, c, now) {
			continue
		}
		next := e.after(&a)
		s.cur.Store(next)
		m.index.Put(next.member(s, now))
		lifted = append(lifted, id)
	}
	return lifted
}

// lift ends the blocks of a record if its cooling is off.
func lift(a *auth.Auth, c settings.Cooldown, now time.Time) bool {
	return cooldown.Disabled(a, c, cooldown.QuotaCooldownDisabled()) && cooldown.Lift(a, now)
}
