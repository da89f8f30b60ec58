package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
)

// saveTokensAfter is how long after a failed save the next is tried; it doubles
// up to flushAtMost.
const saveTokensAfter = time.Second

// settle saves what a refresh brought and makes it what the credential uses, in
// this order. It merges: of the worker's record the provider's own state is
// taken, of the present one everything else. What could not be saved stays and
// is the error; nothing that is held back is an answer too: the present record.
// core-decisions.md section 3, item 21; faults.md section 3, R4 and R5.
func (m *Manager) settle(id string) (*auth.Auth, error) {
	w := m.world.Load()
	ctx, cancel := context.WithTimeout(inside(id), w.refresh.Timeout)
	defer cancel()
	inStore, release, err := m.turns.take(ctx, id)
	if err != nil {
		return nil, m.unsavedStill(id, err)
	}
	defer release()
	known, current := m.refreshing.get(id), m.record(id)
	held := known.unsaved
	switch {
	case current == nil:
		m.refreshing.drop(id)
		return nil, fault(auth.CodeAuthNotFound, "credential %q was removed while it was refreshed", id)
	case held == nil:
		return current, nil
	case superseded(held, current):
		m.refreshing.note(id, func(k *renewal) { k.unsaved = nil })
		m.abortRefresh(id, auth.RefreshSuperseded)
		m.refreshing.touch(id)
		m.log.Info("a credential got other tokens while it was refreshed; those are kept", "credential", id)
		return current, nil
	}
	now := m.now()
	a := current.Clone()
	a.Metadata = carryOver(a.Metadata, held.before.Metadata, held.fresh.Metadata)
	a.Attributes = carryOverText(a.Attributes, held.before.Attributes, held.fresh.Attributes)
	if held.fresh.Label != held.before.Label && a.Label == held.before.Label {
		a.Label = held.fresh.Label
	}
	if held.fresh.Prefix != held.before.Prefix && a.Prefix == held.before.Prefix {
		a.Prefix = held.fresh.Prefix
	}
	a.LastRefreshedAt = now
	a.NextRefreshAfter = held.fresh.NextRefreshAfter
	if !a.NextRefreshAfter.After(now) {
		a.NextRefreshAfter = time.Time{}
	}
	if held.fresh.Storage != nil {
		a.Storage = held.fresh.Storage
	}
	if held.fresh.Runtime != nil {
		a.Runtime = held.fresh.Runtime
	}
	absolve(a, func(a *auth.Auth) { cooldown.Aggregate(a, now) })
	complete(a, now)
	gen := known.gen
	err = m.guarded("store", func() (err error) {
		if held.more { // the tokens are in the store; no refresh is open there
			return saveRest(inStore, w.store, a)
		}
		gen, err = saveTokens(inStore, w.store, a, gen)
		return err
	})
	if err != nil {
		return nil, m.unsavedStill(id, err)
	}
	learned := m.publish(a, current)
	m.refreshing.note(id, func(k *renewal) {
		k.gen, k.unsaved, k.at = gen, nil, now
		if replaced := replacedBy(current.Metadata, a.Metadata); len(replaced) > 0 {
			if held.more {
				maps.Copy(replaced, k.replaced)
			}
			k.replaced, k.trial = replaced, true
		}
	})
	release()
	if learned {
		m.saveHealth(ctx, id)
	}
	m.refreshing.touch(id)
	m.guard("hook", func() { w.hook.OnAuthUpdated(ctx, a.Clone()) })
	return a, nil
}

// superseded reports whether a record got other values meanwhile for something
// that a refresh changes. Then the two do not belong together.
func superseded(held *unsaved, current *auth.Auth) bool {
	for key, was := range replacedBy(held.before.Metadata, held.fresh.Metadata) {
		if !reflect.DeepEqual(current.Metadata[key], was) {
			return true
		}
	}
	return false
}

// unsavedStill notes why new tokens are not saved, and returns the error that
// says so.
func (m *Manager) unsavedStill(id string, err error) error {
	first := false
	m.refreshing.note(id, func(k *renewal) {
		if k.unsaved != nil {
			held := *k.unsaved
			first, held.err = held.err == nil, err
			k.unsaved = &held
		}
	})
	if first {
		m.log.Error("refreshed tokens could not be saved; a restart now would lose them", "credential", id, "error", err)
	}
	return fmt.Errorf("credential %q was refreshed, but its new tokens could not be saved: %w; this is tried again until it works", id, err)
}

// saveTokens makes a refreshed record durable, unless it is one that is kept
// nowhere. A context that asks to save nothing never comes here.
func saveTokens(ctx context.Context, store auth.Store, a *auth.Auth, gen uint64) (uint64, error) {
	if store == nil || a.RuntimeOnly() {
		return gen, nil
	}
	if durable, ok := store.(auth.RefreshStore); ok {
		next, err := durable.Commit(ctx, a.Clone(), gen)
		if err != nil {
			return gen, err
		}
		return next, nil
	}
	_, err := store.Save(ctx, a.Clone())
	return gen, err
}

// saveRest saves what a refresh brought after its tokens.
func saveRest(ctx context.Context, store auth.Store, a *auth.Auth) error {
	if store == nil || a.RuntimeOnly() {
		return nil
	}
	_, err := store.Save(ctx, a.Clone())
	return err
}

// beginRefresh notes in the store, if it can, that a refresh begins.
func (m *Manager) beginRefresh(w *world, a *auth.Auth, gen uint64) error {
	store, durable := w.store.(auth.RefreshStore)
	if !durable || a.RuntimeOnly() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), w.refresh.Timeout)
	defer cancel()
	err := m.guarded("store", func() (err error) {
		gen, err = store.Begin(ctx, a.ID, gen, auth.TokenDigest(a.RefreshToken()))
		return err
	})
	if err == nil {
		m.refreshing.note(a.ID, func(k *renewal) { k.gen = gen })
	}
	return err
}

// abortRefresh tells the store that a refresh brought nothing.
func (m *Manager) abortRefresh(id string, outcome auth.RefreshOutcome) {
	w := m.world.Load()
	store, durable := w.store.(auth.RefreshStore)
	if a := m.record(id); !durable || a == nil || a.RuntimeOnly() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), w.refresh.Timeout)
	defer cancel()
	gen := m.refreshing.get(id).gen
	if err := m.guarded("store", func() error { return store.Abort(ctx, id, gen, outcome) }); err != nil {
		m.log.Warn("the store could not note how a refresh ended", "credential", id, "error", err)
	}
}

// loadPending reads which refreshes a crash interrupted.
func (m *Manager) loadPending(ctx context.Context, store auth.Store) error {
	durable, ok := store.(auth.RefreshStore)
	if !ok {
		return nil
	}
	var pending []auth.PendingRefresh
	err := m.guarded("store", func() (err error) {
		pending, err = durable.Pending(ctx)
		return err
	})
	var corrupt *auth.CorruptError
	if err != nil && !errors.As(err, &corrupt) {
		return fmt.Errorf("load interrupted refreshes: %w", err)
	}
	for _, p := range pending {
		if m.record(p.ID) == nil {
			continue
		}
		m.log.Warn("a refresh was interrupted; it is tried once more", "credential", p.ID, "since", p.Since)
		m.refreshing.note(p.ID, func(k *renewal) { k.gen, k.interrupted = p.Generation, p.Since })
		m.refreshing.touch(p.ID)
	}
	return m.loadTrials(ctx, durable)
}

// loadTrials reads which new tokens have not worked yet, and what they replaced.
func (m *Manager) loadTrials(ctx context.Context, store auth.RefreshStore) error {
	var trials []auth.TrialRefresh
	err := m.guarded("store", func() (err error) {
		trials, err = store.Trials(ctx)
		return err
	})
	for _, t := range trials {
		if m.record(t.ID) == nil {
			continue
		}
		m.refreshing.note(t.ID, func(k *renewal) {
			if k.replaced == nil {
				k.gen, k.replaced, k.at, k.trial = t.Generation, t.Replaced, t.At, true
			}
		})
	}
	if err != nil {
		return fmt.Errorf("load what refreshes replaced: %w", err)
	}
	return nil
}

// saveTokensLater has tokens saved that could not be, again and again.
func (m *Manager) saveTokensLater() {
	r := &m.refreshing
	r.mu.Lock()
	started := r.saving
	r.saving = true
	r.mu.Unlock()
	if started {
		return
	}
	if !m.spawn(m.keepSavingTokens) { // Close saves what is left
		r.mu.Lock()
		r.saving = false
		r.mu.Unlock()
	}
}

func (m *Manager) keepSavingTokens() {
	for wait := saveTokensAfter; ; wait = min(2*wait, flushAtMost) {
		if m.clock.Sleep(m.base, wait) != nil {
			return
		}
		_ = m.settleAll() // what fails says so in the record
		if m.noTokensLeft() {
			return
		}
	}
}

// noTokensLeft reports whether everything is saved; then nobody saves any more.
func (m *Manager) noTokensLeft() bool {
	r := &m.refreshing
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.known {
		if k.unsaved != nil {
			return false
		}
	}
	r.saving = false
	return true
}

func (m *Manager) settleAll() error {
	var errs []error
	for _, id := range m.refreshing.unsavedIDs() {
		_, err := m.settle(id)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// carryOver puts into now what changed from before to fresh, and takes out what
// is gone.
func carryOver(now, before, fresh map[string]any) map[string]any {
	out := maps.Clone(now)
	if out == nil {
		out = map[string]any{}
	}
	for key := range before {
		if _, kept := fresh[key]; !kept {
			delete(out, key)
		}
	}
	for key, v := range fresh {
		if was, had := before[key]; !had || !reflect.DeepEqual(was, v) {
			out[key] = v
		}
	}
	return out
}

// carryOverText is carryOver for attributes: of what the credential got
// meanwhile everything stays.
func carryOverText(now, before, fresh map[string]string) map[string]string {
	out := maps.Clone(now)
	for key, v := range fresh {
		if was, had := before[key]; (!had || was != v) && now[key] == was {
			if out == nil {
				out = map[string]string{}
			}
			out[key] = v
		}
	}
	for key, was := range before {
		if _, kept := fresh[key]; !kept && now[key] == was {
			delete(out, key)
		}
	}
	return out
}
