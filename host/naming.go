package host

import (
	"maps"
	"slices"

	"github.com/patchbay-dev/patchbay/host/models"
	"github.com/patchbay-dev/patchbay/host/schedule"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// SetOAuthModelAlias gives the models of OAuth accounts other names, by channel
// (OAuthModelAliasChannel). The table replaces the one before as a whole; nil or
// an empty one takes all aliases away. It holds for requests that begin after
// it, and for the listing at once. spec: core.md 7.2.
func (m *Manager) SetOAuthModelAlias(aliases map[string][]settings.OAuthModelAlias) {
	m.rename(func(b *models.Book) *models.Book { return b.WithChannels(aliases) })
}

// SetConfig takes over what a configuration says of names: the aliases of its
// credentials, and whether prefixes are forced; of cooling, the words of
// providers, and what SetCooldown takes, if it says anything of that; and whether
// sessions keep to a credential. nil means an empty one. What is known of the
// health of credentials stays. The rest of a configuration has methods of its own, the
// aliases of OAuth channels too (SetOAuthModelAlias). cfg is not kept.
func (m *Manager) SetConfig(cfg *settings.Config) {
	if cfg == nil {
		cfg = &settings.Config{}
	}
	m.rename(func(b *models.Book) *models.Book { return b.WithConfig(cfg) })
	m.setProviders(cfg.Providers)
	m.change(func(w *world) { w.affinity = affinityOf(cfg.Routing) })
	if cfg.Cooldown != (settings.Cooldown{}) {
		m.SetCooldown(cfg.Cooldown)
	}
}

// rename publishes another book of names, and with it every credential under the
// names that it then has.
func (m *Manager) rename(f func(*models.Book) *models.Book) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	w := *m.world.Load()
	w.names = f(w.names)
	m.world.Store(&w)
	clear(m.offers) // they follow from the book
	members := make([]schedule.Member[*slot], 0, len(m.slots))
	for _, id := range slices.Sorted(maps.Keys(m.slots)) {
		s := m.slots[id]
		old := s.cur.Load()
		if old == nil {
			continue
		}
		e := m.unsyncedEntry(old.auth, old.given, old.rev+1)
		s.cur.Store(e)
		m.unsyncedList(id, e)
		members = append(members, e.member(s, now))
	}
	m.index.Replace(members)
}
