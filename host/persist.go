package host

import (
	"context"
	"sync"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
	"github.com/patchbay-dev/patchbay/host/refresh"
)

const (
	// flushEvery is how long changes of health are collected before they are
	// saved.
	flushEvery = 5 * time.Second
	// flushAtMost bounds the wait after saves that failed.
	flushAtMost = time.Minute
)

// save persists a record, unless ctx or the record says that it is not to be.
// Every other credential is kept, also one without Metadata: what an operator
// adds by hand has its key in Attributes, or none at all.
func save(ctx context.Context, store auth.Store, a *auth.Auth) error {
	if store == nil || auth.SkipPersist(ctx) || a.RuntimeOnly() {
		return nil
	}
	_, err := store.Save(ctx, a.Clone())
	return err
}

// drop deletes what the store has of a record.
func drop(ctx context.Context, store auth.Store, a *auth.Auth) error {
	if health, ok := store.(auth.HealthStore); ok && a.RuntimeOnly() {
		gone := a.Clone()
		gone.ModelStates = nil
		if err := health.SaveHealth(ctx, gone); err != nil {
			return err
		}
	}
	return store.Delete(ctx, a.ID)
}

// writer remembers the credentials whose health has changed since they were
// saved. While there is one, a goroutine of the manager saves them now and
// then, so that no request ever waits for the store.
type writer struct {
	mu      sync.Mutex // guards dirty and running
	dirty   map[string]struct{}
	running bool
}

func (w *writer) add(ids ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dirty == nil {
		w.dirty = map[string]struct{}{}
	}
	for _, id := range ids {
		w.dirty[id] = struct{}{}
	}
}

// start reports whether the caller has to start the goroutine.
func (w *writer) start() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running || len(w.dirty) == 0 {
		return false
	}
	w.running = true
	return true
}

// stop reports whether the goroutine may end, because nothing is left.
func (w *writer) stop() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.dirty) > 0 {
		return false
	}
	w.running = false
	return true
}

func (w *writer) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]string, 0, len(w.dirty))
	for id := range w.dirty {
		ids = append(ids, id)
	}
	clear(w.dirty)
	return ids
}

// saveHealth has what an attempt taught of a credential saved in the background,
// unless ctx or the settings say that it is not to be.
func (m *Manager) saveHealth(ctx context.Context, id string) {
	if !auth.SkipPersist(ctx) && !m.world.Load().cooldown.SkipPersist {
		m.saveLater(id)
	}
}

// saveLater has a credential saved in the background.
func (m *Manager) saveLater(id string) {
	if m.world.Load().store == nil {
		return
	}
	m.writer.add(id)
	if m.writer.start() {
		m.spawn(m.saveDirty)
	}
}

func (m *Manager) saveDirty() {
	for wait := flushEvery; ; {
		if m.clock.Sleep(m.base, wait) != nil {
			return // Close saves the rest
		}
		if err := m.flush(m.base); err == nil {
			wait = flushEvery
		} else {
			wait = min(2*wait, flushAtMost)
			m.log.Warn("credentials could not be saved; trying again", "error", err, "in", wait)
		}
		if m.writer.stop() {
			return
		}
	}
}

func (m *Manager) saveNewest(ctx context.Context, id string) error {
	inside, release, err := m.turns.take(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	a := m.record(id)
	if a == nil {
		return nil
	}
	store := m.world.Load().store
	return m.guarded("store", func() error {
		if health, ok := store.(auth.HealthStore); ok && a.RuntimeOnly() {
			return health.SaveHealth(inside, a)
		}
		return save(inside, store, a)
	})
}

// recall gives a new credential whose record is not the store's to keep what was
// learned of it before. What cannot be read is not worth more than a line.
func (m *Manager) recall(ctx context.Context, a *auth.Auth) {
	w := m.world.Load()
	health, ok := w.store.(auth.HealthStore)
	if !ok || !a.RuntimeOnly() || len(a.ModelStates) > 0 || off(a) || auth.SkipPersist(ctx) || w.cooldown.SkipPersist {
		return
	}
	err := m.guarded("store", func() (err error) {
		a.ModelStates, err = health.Health(ctx, a)
		return err
	})
	if err != nil {
		a.ModelStates = nil
		m.log.Warn("what was held against a credential could not be read; it begins without", "credential", a.ID, "error", err)
	}
	if len(a.ModelStates) > 0 {
		cooldown.Aggregate(a, m.now())
	}
}

// unlearn clears what was learned before a restart, for who wants it forgotten.
// That only a login helps is no cooldown.
func unlearn(a *auth.Auth) {
	last, message := a.LastError, a.StatusMessage
	login := refresh.NeedsLogin(a)
	status := a.Status
	forget(a)
	if login {
		a.LastError, a.StatusMessage, a.Status = last, message, status
	}
}
