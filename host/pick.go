package host

import (
	"context"
	"slices"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/models"
	"github.com/patchbay-dev/patchbay/host/schedule"
)

// pick returns a credential that the request has not tried in this round and
// its newest entry, or the error that says why there is none. The request holds
// it until the next pick or letGo.
func (m *Manager) pick(ctx context.Context, r *request) (*slot, *entry, error) {
	for {
		s, err := m.pickSlot(ctx, r)
		if err != nil {
			return nil, nil, err
		}
		// It may have been removed since, or be done with this request.
		if e := s.cur.Load(); e != nil && r.allows(e) {
			return s, e, nil
		}
		m.letGo(r)
	}
}

func (m *Manager) pickSlot(ctx context.Context, r *request) (*slot, error) {
	for r.indexed {
		p, ok := m.pickIndexed(r)
		if !ok {
			return nil, m.unselectable(r)
		}
		if m.holds(r, p) {
			return p.Value, nil
		}
	}
	return m.pickFromSlice(ctx, r)
}

// holds makes a pick the request's own; it reports false when it counts for
// nothing.
func (m *Manager) holds(r *request, p schedule.Picked[*slot]) bool {
	r.hold = p
	if p.Probe && !m.beginProbe(r, p.Value) {
		m.letGo(r)
		return false
	}
	return true
}

// letGo ends what the request holds: the probe, if it is one, and the place in
// flight.
func (m *Manager) letGo(r *request) {
	m.endProbe(r)
	m.index.Release(r.keep())
}

// keep hands on what the request holds to somebody who releases it.
func (r *request) keep() schedule.Picked[*slot] {
	p := r.hold
	r.hold = schedule.Picked[*slot]{}
	return p
}

// pickFromSlice lets a selector that is not ours see all candidates: it costs a
// look at each.
func (m *Manager) pickFromSlice(ctx context.Context, r *request) (*slot, error) {
	q := m.query(r)
	candidates := slices.DeleteFunc(m.index.Candidates(q, &r.tried), func(c schedule.Candidate[*slot]) bool { return c.Busy })
	views := make([]*auth.Auth, 0, len(candidates))
	model := r.route
	for i, c := range candidates {
		e := c.Value.cur.Load()
		if e == nil {
			continue
		}
		if i == 0 {
			var buf [4]models.Target
			model = e.names.Resolve(buf[:0], r.route)[0].State
		}
		views = append(views, e.public())
	}
	if len(views) == 0 {
		return nil, m.unselectable(r)
	}
	var picked *auth.Auth
	err := m.guarded("selector", func() (err error) {
		picked, err = r.w.selector.Pick(ctx, r.provider(), model, r.opts, views)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case picked == nil:
		return nil, fault(auth.CodeAuthUnavailable, "the selector chose none of %d credentials", len(views))
	}
	i := slices.IndexFunc(candidates, func(c schedule.Candidate[*slot]) bool { return c.ID == picked.ID })
	if i < 0 {
		return nil, fault(auth.CodeAuthUnavailable, "the selector chose credential %q, which is not one that it was given", picked.ID)
	}
	r.tried.Add(candidates[i])
	if p, ok := m.index.Claim(q, candidates[i]); ok && m.holds(r, p) {
		return p.Value, nil
	}
	return m.pickFromSlice(ctx, r) // somebody else has it
}
