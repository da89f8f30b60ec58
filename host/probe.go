package host

import (
	"context"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/schedule"
)

// probe is a request that tries out whether a credential whose long block is
// over can be used again. While there is one, nobody else gets the credential
// for the model. core-decisions.md section 2, row 11.
type probe struct {
	slot *slot
	// states are those that the probe is about, of the model or the credential
	// or both, as in Auth.ModelStates.
	states []string
}

// beginProbe makes a pick that the index called a probe the request's own. It
// reports false when another request tries out the same state, which the index
// knows under another name; then the pick counts for nothing.
func (m *Manager) beginProbe(r *request, s *slot) bool {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	e := s.cur.Load()
	if e == nil {
		return false
	}
	p := &probe{slot: s}
	for _, l := range e.lanes {
		if l.name != r.canonical {
			continue
		}
		p.states = e.halfOpen(l.state, now)
		for _, other := range l.others {
			p.states = append(p.states, e.halfOpen(other, now)...)
		}
		if len(p.states) == 0 { // a success came in between
			m.index.Set(s.id, e.seat(s, l, now))
			return true
		}
	}
	return m.unsyncedTryOut(r, p, e, now)
}

// unsyncedTryOut makes a probe the request's, if nobody is at the same.
func (m *Manager) unsyncedTryOut(r *request, p *probe, e *entry, now time.Time) bool {
	s := p.slot
	for _, state := range p.states {
		if s.probing[state] {
			return false
		}
	}
	if s.probing == nil {
		s.probing = map[string]bool{}
	}
	for _, state := range p.states {
		s.probing[state] = true
	}
	m.unsyncedSeats(s, e, p.states, now)
	r.probe = p
	return true
}

// endProbe lets the credential of the request's probe go, if there is one. What
// was learned of it is in its state by then; if nothing was, as when the client
// left, the next request is the probe.
func (m *Manager) endProbe(r *request) {
	p := r.probe
	if p == nil {
		return
	}
	r.probe = nil
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, state := range p.states {
		delete(p.slot.probing, state)
	}
	if e := p.slot.cur.Load(); e != nil {
		m.unsyncedSeats(p.slot, e, p.states, now)
	}
}

// proved ends a block because its probe got an answer, which for a stream is
// long before the end of it.
func (m *Manager) proved(ctx context.Context, at *attempt) {
	res := at.result()
	res.Success = true
	if _, changed := m.apply(at.slot, res); changed {
		m.saveHealth(ctx, at.slot.id)
	}
}

// unsyncedSeats tells the index how the lanes stand that some states are about.
func (m *Manager) unsyncedSeats(s *slot, e *entry, states []string, now time.Time) {
	var seats []schedule.Seat
	for _, l := range e.lanes {
		for _, state := range states {
			if state == auth.CredentialState || l.has(state) {
				seats = append(seats, e.seat(s, l, now))
				break
			}
		}
	}
	m.index.Set(s.id, seats...)
}

// halfOpen returns the states behind a lane that end in a probe, and are not
// blocked at a moment.
func (e *entry) halfOpen(state string, at time.Time) []string {
	var open []string
	if e.auth.ModelStates[auth.CredentialState].HalfOpen(at) {
		open = append(open, auth.CredentialState)
	}
	if state != auth.CredentialState && e.auth.ModelStates[state].HalfOpen(at) {
		open = append(open, state)
	}
	return open
}
