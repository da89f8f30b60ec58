package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
	"github.com/patchbay-dev/patchbay/host/models"
	"github.com/patchbay-dev/patchbay/host/schedule"
)

// Load makes what the store holds the whole content of the manager, in one
// step. Without a store it does nothing; when the store fails, everything stays
// as it was. If only some records cannot be read, the others are loaded, and
// the error (an auth.CorruptError) names the bad ones.
func (m *Manager) Load(ctx context.Context) error {
	store := m.world.Load().store
	if store == nil {
		return nil
	}
	var records []*auth.Auth
	err := m.guarded("store", func() (err error) {
		records, err = store.List(ctx)
		return err
	})
	var corrupt *auth.CorruptError
	if err != nil && !errors.As(err, &corrupt) {
		return fmt.Errorf("load credentials: %w", err)
	}
	now := m.now()
	loaded := make(map[string]*auth.Auth, len(records))
	for _, r := range records {
		if r == nil || r.ID == "" {
			continue
		}
		a := r.Clone()
		a.EnsureIndex()
		if a.Status == "" {
			a.Status = auth.StatusActive
		}
		if m.world.Load().cooldown.SkipPersist {
			unlearn(a)
		} else if len(a.ModelStates) > 0 {
			cooldown.Aggregate(a, now)
		}
		loaded[a.ID] = a
	}
	m.replace(loaded, now)
	m.refreshing.touch(slices.Collect(maps.Keys(loaded))...)
	if err != nil {
		err = fmt.Errorf("load credentials: %w", err)
	}
	return errors.Join(err, m.loadPending(ctx, store))
}

func (m *Manager) replace(loaded map[string]*auth.Auth, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, s := range m.slots {
		if loaded[id] == nil {
			m.unsyncedTakeOut(s)
		}
	}
	members := make([]schedule.Member[*slot], 0, len(loaded))
	w := m.world.Load()
	// In the order of the lanes, so that a pick finds neighbours in memory too.
	for _, id := range slices.Sorted(maps.Keys(loaded)) {
		a, s := loaded[id], m.slots[id]
		var given []models.Info
		var rev uint64
		if s == nil {
			s = &slot{id: id}
			m.slots[id] = s
		} else if old := s.cur.Load(); old != nil {
			rev = old.rev
			if old.provider == providerKey(a.Provider) {
				given = old.given
			}
		}
		w.lift(a, now)
		e := m.unsyncedEntry(a, given, rev+1)
		m.unsyncedAccount(s.cur.Load(), e)
		s.cur.Store(e)
		s.upstream.Store(nil)
		m.unsyncedList(id, e)
		members = append(members, e.member(s, now))
	}
	m.index.Replace(members)
}

// List returns a copy of every credential, sorted by ID.
func (m *Manager) List() []*auth.Auth {
	m.mu.RLock()
	records := make([]*auth.Auth, 0, len(m.slots))
	for _, s := range m.slots {
		if e := s.cur.Load(); e != nil {
			records = append(records, e.auth)
		}
	}
	m.mu.RUnlock()
	slices.SortFunc(records, func(a, b *auth.Auth) int { return cmp.Compare(a.ID, b.ID) })
	for i, a := range records {
		records[i] = m.show(a.Clone())
	}
	return records
}

// GetByID returns a copy of a credential.
func (m *Manager) GetByID(id string) (*auth.Auth, bool) {
	a := m.record(id)
	return m.show(a.Clone()), a != nil
}
