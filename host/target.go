package host

import (
	"slices"
	"sync"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/models"
)

// rotation says whose turn it is to be the first in each pool of a credential.
type rotation struct {
	mu    sync.Mutex // guards turns
	turns map[string]int
}

// next returns the turn of a pool of n, by its name.
func (r *rotation) next(pool string, n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.turns == nil {
		r.turns = map[string]int{}
	}
	turn := r.turns[pool] % n
	r.turns[pool] = turn + 1
	return turn
}

// turn returns the turn of a pool of n models. Only what the configuration names
// is a pool, so there are no more of them than that.
func (s *slot) turn(pool string, n int) int {
	pools := s.pools.Load()
	if pools == nil {
		s.pools.CompareAndSwap(nil, new(rotation))
		pools = s.pools.Load()
	}
	return pools.next(pool, n)
}

// targets returns what a credential is to be asked for under the name that the
// request has, without what is blocked. The members of a pool take turns at
// being the first. spec: core.md 7.5.
func (m *Manager) targets(r *request, s *slot, e *entry) []models.Target {
	all := e.names.Resolve(nil, r.route)
	if n := len(all); n > 1 {
		first := s.turn(all[0].State, n)
		all = slices.Concat(all[first:], all[:first])
	}
	now := m.now()
	pooled := len(all) > 1
	return slices.DeleteFunc(all, func(t models.Target) bool {
		return e.auth.Block(t.State, now).Reason != auth.NotBlocked || pooled && !m.open(r, s, e, t.State, now)
	})
}

// open reports whether the request may ask for a member of a pool: one whose
// long block is over is for a single request to try out, while the others have
// the rest of the pool.
func (m *Manager) open(r *request, s *slot, e *entry, state string, now time.Time) bool {
	states := e.halfOpen(state, now)
	if len(states) == 0 {
		return true
	}
	if r.probe != nil {
		return slices.Contains(r.probe.states, state)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.unsyncedTryOut(r, &probe{slot: s, states: states}, e, now)
}

// block says how the credential stands for a client's name of a model: as the
// best of what is behind it does.
func (e *entry) block(route string, now time.Time) auth.Block {
	var buf [4]models.Target
	var best auth.Block
	for i, t := range e.names.Resolve(buf[:0], route) {
		b := e.auth.Block(t.State, now)
		if b.Reason == auth.NotBlocked {
			return b
		}
		if i == 0 || best.Until.IsZero() || !b.Until.IsZero() && b.Until.Before(best.Until) {
			best = b
		}
	}
	return best
}
