package host

import (
	"context"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
	"github.com/patchbay-dev/patchbay/host/schedule"
)

// MarkResult records the outcome of an attempt and tells the hook. It never
// waits for the store: what changed is saved in the background, unless ctx
// comes from WithSkipPersist. A result without an AuthID is nothing, and one of
// an unknown credential reaches only the hook. spec: core.md section 3.
func (m *Manager) MarkResult(ctx context.Context, result auth.Result) {
	if result.AuthID == "" {
		return
	}
	m.mark(ctx, m.slot(result.AuthID), result)
}

func (m *Manager) mark(ctx context.Context, s *slot, result auth.Result) {
	var begun auth.Block
	if s != nil {
		var changed bool
		if begun, changed = m.apply(s, result); changed {
			m.saveHealth(ctx, s.id)
		}
		m.share(ctx, s, result)
	}
	if result.Success {
		m.confirm(result.AuthID, result.Started)
	}
	hook := m.notify(ctx, result)
	if begun.Reason == auth.NotBlocked {
		return
	}
	if observer, ok := hook.(auth.CooldownObserver); ok {
		m.guard("hook", func() { observer.OnCooldown(ctx, result, begun) })
	}
}

// notify tells the hook of an outcome, and returns it.
func (m *Manager) notify(ctx context.Context, result auth.Result) auth.Hook {
	hook := m.world.Load().hook
	m.guard("hook", func() { hook.OnResult(ctx, result) })
	return hook
}

// apply writes an outcome into a slot. It reports whether it changed anything,
// and the block that it began, if nothing stood in the way before.
// A success of a credential that nothing is held against, which is what most
// marks are, costs one atomic load.
func (m *Manager) apply(s *slot, result auth.Result) (begun auth.Block, changed bool) {
	if e := s.cur.Load(); e == nil || result.Success && e.quiet {
		return auth.Block{}, false
	}
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	e := s.cur.Load()
	if e == nil {
		return auth.Block{}, false
	}
	a := *e.auth // shallow: Apply replaces what it changes
	w := m.world.Load()
	if !cooldown.Apply(&a, result, w.cooldown, !w.cools(e.auth), now) {
		return auth.Block{}, false
	}
	next := e.after(&a)
	s.cur.Store(next)
	model := auth.CanonicalModel(result.Model)
	everywhere := concernsAll(e.auth) || concernsAll(&a)
	seats := make([]schedule.Seat, 0, 3)
	for _, l := range next.lanes {
		if everywhere || l.name == "" || l.has(model) {
			seats = append(seats, next.seat(s, l, now))
		}
	}
	m.index.Set(s.id, seats...)
	if !result.Success && e.auth.Block(model, now).Reason == auth.NotBlocked {
		begun = a.Block(model, now)
	}
	return begun, true
}

// concernsAll reports whether the record blocks models that have no state of
// their own.
func concernsAll(a *auth.Auth) bool {
	return a.ModelStates[auth.CredentialState] != nil || len(a.ModelStates) == 0 && a.Unavailable
}
