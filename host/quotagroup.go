package host

import (
	"context"
	"net/http"
	"slices"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// quotaGroups holds the ids of the credentials that share a quota, by provider
// and the attribute quota_group. Manager.mu guards it.
type quotaGroups map[quotaGroup][]string

type quotaGroup struct{ provider, name string }

// quotaGroup is empty for a credential whose quota is its own.
func (e *entry) quotaGroup() quotaGroup {
	name := e.auth.QuotaGroup()
	if name == "" {
		return quotaGroup{}
	}
	return quotaGroup{e.provider, name}
}

// change moves a credential from the group of one entry to that of another;
// either may be nil.
func (g quotaGroups) change(id string, old, e *entry) {
	var from, to quotaGroup
	if old != nil {
		from = old.quotaGroup()
	}
	if e != nil {
		to = e.quotaGroup()
	}
	if from == to {
		return
	}
	if ids := slices.DeleteFunc(g[from], func(o string) bool { return o == id }); len(ids) > 0 {
		g[from] = ids
	} else {
		delete(g, from)
	}
	if to != (quotaGroup{}) {
		g[to] = append(g[to], id)
	}
}

// share lets a quota that is used up count for all that share it: they wait as
// long as the one that was told, for the same model or altogether, as the
// settings say. core-decisions.md section 2, row 18.
func (m *Manager) share(ctx context.Context, s *slot, result auth.Result) {
	if result.Success || auth.CountsAs(result.Error.StatusCode(), errorCode(result.Error)) != http.StatusTooManyRequests {
		return
	}
	e := s.cur.Load()
	if e == nil || e.quotaGroup() == (quotaGroup{}) {
		return
	}
	now := m.now()
	b := e.auth.Block(result.Model, now)
	if b.Reason != auth.BlockedQuota {
		return
	}
	wait := b.Until.Sub(now)
	result.RetryAfter, result.HintSource = &wait, b.Source
	if m.world.Load().cooldown.QuotaGroupScope == settings.QuotaGroupCredential {
		result.CredentialScope = true
	}
	for _, other := range m.sharing(s.id, e.quotaGroup()) {
		result.AuthID = other.id
		if _, changed := m.apply(other, result); changed {
			m.saveHealth(ctx, other.id)
		}
	}
}

func errorCode(e *auth.Error) string {
	if e == nil {
		return ""
	}
	return e.Code
}

// sharing returns the other members of a group.
func (m *Manager) sharing(id string, g quotaGroup) []*slot {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var others []*slot
	for _, other := range m.groups[g] {
		if s := m.slots[other]; s != nil && other != id {
			others = append(others, s)
		}
	}
	return others
}
