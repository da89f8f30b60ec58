package host

import (
	"cmp"
	"slices"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/models"
)

// SetModels says which models a credential serves; it is picked for these and
// no other, from now on. What the operator listed in the credential itself
// counts more: then this only describes it. An unknown id is nothing.
func (m *Manager) SetModels(authID string, infos ...models.Info) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.slots[authID]
	if s == nil {
		return
	}
	if e := s.cur.Load(); e != nil {
		m.unsyncedPublish(s, m.unsyncedEntry(e.auth, slices.Clone(infos), e.rev+1), now)
	}
}

// RefreshSchedulerEntry puts a credential into the index again. SetModels and
// every other change do so at once, so it is only needed by habit. An unknown
// id is nothing.
func (m *Manager) RefreshSchedulerEntry(authID string) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.slots[authID]; s != nil {
		if e := s.cur.Load(); e != nil {
			m.index.Put(e.member(s, now))
		}
	}
}

// ProvidersForModel returns the providers that have a credential which lists
// the model, enabled or not, sorted; nil when there is none. Aliases are found in
// any case.
func (m *Manager) ProvidersForModel(model string) []string {
	if model = auth.CanonicalModel(routeOf(model)); model == "" {
		return nil
	}
	return m.index.Providers(m.laneName(model))
}

// ModelsOf returns what one credential offers, sorted by id, with its prefixed
// names; nothing while it is disabled or unknown.
func (m *Manager) ModelsOf(authID string) []models.Info {
	return slices.SortedFunc(slices.Values(m.registry.Models(authID)), func(a, b models.Info) int { return cmp.Compare(a.ID, b.ID) })
}
