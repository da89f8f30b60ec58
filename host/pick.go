package host

import (
	"context"
	"slices"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/schedule"
)

// pick returns a credential that the request has not tried in this round and
// its newest entry, or the error that says why there is none.
func (m *Manager) pick(ctx context.Context, r *request, round int) (*slot, *entry, error) {
	for {
		s, err := m.pickSlot(ctx, r)
		if err != nil {
			return nil, nil, err
		}
		// It may have been removed since, or be done with this request.
		if e := s.cur.Load(); e != nil && r.allows(e, round) {
			return s, e, nil
		}
		m.endProbe(r)
	}
}

func (m *Manager) pickSlot(ctx context.Context, r *request) (*slot, error) {
	for r.indexed {
		s, probe, ok := m.index.Pick(m.query(r), &r.tried)
		if !ok {
			return nil, m.unselectable(r)
		}
		if !probe || m.beginProbe(r, s) {
			return s, nil
		}
	}
	return m.pickFromSlice(ctx, r)
}

// freePicker is a selector of ours. What is blocked is not for it to say, since
// credentials may remember one model under several names.
type freePicker interface {
	PickFree(ctx context.Context, provider, model string, opts executor.Options, auths []*auth.Auth) *auth.Auth
}

// pickFromSlice lets a selector see all candidates: one that is not ours, or
// ours where the index does not know enough (groups, websocket clients).
func (m *Manager) pickFromSlice(ctx context.Context, r *request) (*slot, error) {
	q := m.query(r)
	candidates := slices.DeleteFunc(m.index.Candidates(q, &r.tried), func(c schedule.Candidate[*slot]) bool { return c.Busy })
	var own freePicker
	if r.w.strategy != custom {
		own, _ = r.w.selector.(freePicker)
	}
	views := make([]*auth.Auth, 0, len(candidates))
	model := r.route
	for i, c := range candidates {
		e := c.Value.cur.Load()
		if e == nil || own != nil && e.block(r.route, q.Now).Reason != auth.NotBlocked {
			continue
		}
		if i == 0 {
			model = e.names.Resolve(nil, r.route)[0].State
		}
		views = append(views, e.public())
	}
	if len(views) == 0 {
		return nil, m.unselectable(r)
	}
	var picked *auth.Auth
	err := m.guarded("selector", func() (err error) {
		if own != nil {
			picked = own.PickFree(ctx, r.provider(), r.canonical, r.opts, views)
			return nil
		}
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
	chosen := candidates[i]
	r.tried.Add(chosen)
	if chosen.Probe && !(m.index.Probe(q, chosen) && m.beginProbe(r, chosen.Value)) {
		return m.pickFromSlice(ctx, r) // somebody else tries it out
	}
	return chosen.Value, nil
}
