package host

import (
	"context"
	"fmt"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/models"
	"github.com/patchbay-dev/patchbay/host/refresh"
)

// Register adds a credential, or replaces the one with its ID, and returns what
// was made of it: an ID and an Index if it had none, and times. It is saved
// before anybody can pick it; when that fails, nothing is registered. It is
// picked for no model until SetModels says what it serves, unless the operator
// listed its models in it. Register of nil does nothing. spec: core.md 8.
func (m *Manager) Register(ctx context.Context, a *auth.Auth) (*auth.Auth, error) {
	if a == nil {
		return nil, nil
	}
	given := a.Clone()
	if given.ID == "" {
		given.ID = auth.NewID()
	}
	return m.write(ctx, given, false)
}

// Update replaces what is known of a credential. It keeps what the new record
// does not say: Index, CreatedAt, Runtime, and the model states that are newer
// than the record's UpdatedAt, so that an edit does not undo what was learned
// meanwhile. Switching a credential off and on again forgets its cooldowns. An
// unknown ID is the error auth_not_found, since adding it again would bring a
// removed credential back; a save that fails leaves everything as it was.
// Update of nil does nothing. spec: core.md 8.
func (m *Manager) Update(ctx context.Context, a *auth.Auth) (*auth.Auth, error) {
	if a == nil {
		return nil, nil
	}
	return m.write(ctx, a.Clone(), true)
}

// write saves and publishes a record, which is the manager's own.
func (m *Manager) write(ctx context.Context, a *auth.Auth, update bool) (*auth.Auth, error) {
	if m.isClosed() {
		return nil, ErrClosed
	}
	inside, release, err := m.turns.take(ctx, a.ID)
	if err != nil {
		return nil, fmt.Errorf("write credential %q: %w", a.ID, err)
	}
	defer release()
	var before *auth.Auth
	present := m.record(a.ID)
	if present != nil {
		m.unshow(a, present)
	}
	if update {
		if before = present; before == nil {
			return nil, fault(auth.CodeAuthNotFound, "there is no credential %q to update; register it", a.ID)
		}
		merge(a, before, m.now())
	}
	if present == nil {
		m.recall(inside, a)
	}
	return m.commit(ctx, inside, release, a, before)
}

// commit saves a record and makes it the newest, in the turn that release ends.
// before is the one that it was made from, nil for a new one.
func (m *Manager) commit(ctx, inside context.Context, release func(), a, before *auth.Auth) (*auth.Auth, error) {
	w := m.world.Load()
	if before != nil && refresh.NeedsLogin(a) && otherTokens(a, before) {
		forget(a) // somebody logged in
	}
	complete(a, m.now())
	if err := m.guarded("store", func() error { return save(inside, w.store, a) }); err != nil {
		return nil, fmt.Errorf("save credential %q: %w; nothing was changed", a.ID, err)
	}
	learned := m.publish(a, before)
	release()
	if learned || before != nil && a.RuntimeOnly() { // the save kept nothing of it
		m.saveHealth(ctx, a.ID)
	}
	if _, none := w.hook.(auth.NoopHook); none {
		return a.Clone(), nil
	}
	m.guard("hook", func() {
		if before != nil {
			w.hook.OnAuthUpdated(ctx, a.Clone())
		} else {
			w.hook.OnAuthRegistered(ctx, a.Clone())
		}
	})
	return a.Clone(), nil
}

// publish makes a saved record the newest. Marks do not wait for turns, so the
// one that it was made from, if any, may not be the newest any more: then what
// was learned since is taken over, and publish reports true.
func (m *Manager) publish(a, before *auth.Auth) (learned bool) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.slots[a.ID]
	var given []models.Info
	var rev uint64
	if s == nil {
		s = &slot{id: a.ID}
		m.slots[a.ID] = s
	} else if old := s.cur.Load(); old != nil {
		rev = old.rev
		if old.provider == providerKey(a.Provider) {
			given = old.given
		}
		if before != nil && old.auth != before {
			learned = catchUp(a, before, old.auth, now)
		}
	}
	m.world.Load().lift(a, now)
	m.unsyncedPublish(s, m.unsyncedEntry(a, given, rev+1), now)
	return learned
}

// unsyncedPublish makes e the newest entry of a slot, everywhere.
func (m *Manager) unsyncedPublish(s *slot, e *entry, now time.Time) {
	m.unsyncedAccount(s.cur.Load(), e)
	s.cur.Store(e)
	s.upstream.Store(nil)
	m.index.Put(e.member(s, now))
	m.unsyncedList(s.id, e)
	m.refreshing.touch(s.id)
}

// unsyncedAccount keeps the counts that depend on entries.
func (m *Manager) unsyncedAccount(old, e *entry) {
	if old != nil {
		m.groups.change(old.auth.ID, old, e)
	} else if e != nil {
		m.groups.change(e.auth.ID, nil, e)
	}
	if e == nil {
		return
	}
	if n := int64(e.retries); n > m.maxRetry.Load() {
		m.maxRetry.Store(n)
	}
}

// unsyncedList tells the registry which models are on offer.
func (m *Manager) unsyncedList(id string, e *entry) {
	if e.disabled() {
		m.registry.Remove(id)
		return
	}
	m.registry.Set(id, e.listed)
}

// Remove takes a credential out: it is deleted from the store and is not picked
// any more; what runs on it finishes. When the store fails, it stays. An
// unknown id is the error auth_not_found.
func (m *Manager) Remove(ctx context.Context, id string) error {
	inside, release, err := m.turns.take(ctx, id)
	if err != nil {
		return fmt.Errorf("remove credential %q: %w", id, err)
	}
	defer release()
	present := m.record(id)
	if present == nil {
		return fault(auth.CodeAuthNotFound, "there is no credential %q to remove", id)
	}
	if store := m.world.Load().store; store != nil {
		if err := m.guarded("store", func() error { return drop(inside, store, present) }); err != nil {
			return fmt.Errorf("remove credential %q: delete it from the store: %w; it is still in use", id, err)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.slots[id]; s != nil {
		m.unsyncedTakeOut(s)
	}
	return nil
}

func (m *Manager) unsyncedTakeOut(s *slot) {
	m.unsyncedAccount(s.cur.Load(), nil)
	s.cur.Store(nil)
	delete(m.slots, s.id)
	m.index.Remove(s.id)
	m.registry.Remove(s.id)
	m.refreshing.drop(s.id)
	m.refreshing.touch(s.id)
}

// record returns the newest record of a credential, nil when it is unknown. It
// is shared and must not be changed.
func (m *Manager) record(id string) *auth.Auth {
	if e := m.entry(id); e != nil {
		return e.auth
	}
	return nil
}

func (m *Manager) slot(id string) *slot {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.slots[id]
}

func (m *Manager) entry(id string) *entry {
	if s := m.slot(id); s != nil {
		return s.cur.Load()
	}
	return nil
}

// complete fills in what every record has.
func complete(a *auth.Auth, now time.Time) {
	a.EnsureIndex()
	if a.Status == "" {
		a.Status = auth.StatusActive
	}
	if a.CreatedAt.IsZero() {
		a.CreatedAt = now
	}
	a.UpdatedAt = now
}
