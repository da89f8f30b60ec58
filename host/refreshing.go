package host

import (
	"context"
	"maps"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/refresh"
)

// refreshing is what the manager remembers of refreshes.
type refreshing struct {
	// flights lets one refresh of a credential run at a time.
	flights refresh.Flights[*auth.Auth]
	// trials counts the credentials whose new tokens have not worked yet.
	trials atomic.Int64

	mu    sync.Mutex // guards what follows
	known map[string]renewal
	// saving: a goroutine tries to save what could not be saved.
	saving bool
	auto   *autoRefresh // nil when nobody refreshes by itself
}

// renewal is what is remembered of one credential. What it points to is never
// written again.
type renewal struct {
	// gen is the store's generation (auth.RefreshStore), 0 when unknown.
	gen uint64
	// interrupted is when a refresh began of which nobody knows how it ended;
	// zero when there is none.
	interrupted time.Time
	// replaced holds what the last refresh took out of Metadata, nil for what was
	// not there; at is when. While trial is true the new tokens have not worked.
	replaced map[string]any
	at       time.Time
	trial    bool
	// failed is the last refresh, if that failed.
	failed *failedRefresh
	// unsaved is a refresh that the store has not taken.
	unsaved *unsaved
}

// failedRefresh is a refresh that was refused, of a record with these tokens.
type failedRefresh struct {
	of  *auth.Auth
	at  time.Time
	err error
}

// unsaved is what a refresh brought and is not used before it is saved.
type unsaved struct {
	before, fresh *auth.Auth
	since         time.Time
	err           error
	// more: it follows what the same refresh had saved already.
	more bool
}

func (r *refreshing) get(id string) renewal {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known[id]
}

// note changes what is remembered of a credential.
func (r *refreshing) note(id string, f func(*renewal)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.known[id]
	was := now.trial
	f(&now)
	if r.known == nil {
		r.known = map[string]renewal{}
	}
	r.known[id] = now
	switch {
	case now.trial && !was:
		r.trials.Add(1)
	case was && !now.trial:
		r.trials.Add(-1)
	}
}

// drop forgets a credential that is gone.
func (r *refreshing) drop(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known[id].trial {
		r.trials.Add(-1)
	}
	delete(r.known, id)
}

// touch tells the loop, if there is one, that credentials changed.
func (r *refreshing) touch(ids ...string) {
	r.mu.Lock()
	auto := r.auto
	r.mu.Unlock()
	if auto != nil {
		auto.loop.Touch(ids...)
	}
}

// unsavedIDs lists the credentials with tokens that are not saved.
func (r *refreshing) unsavedIDs() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for id, k := range r.known {
		if k.unsaved != nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// UnsavedRefresh is a credential that was refreshed and whose new tokens the
// store has not taken.
type UnsavedRefresh struct {
	ID string
	// Since is when it was refreshed.
	Since time.Time
	// Err is why it could not be saved, the last time.
	Err error
}

// UnsavedRefreshes lists the refreshes that are not saved, in no order. While
// there is one, the server is not well: a restart would lose the tokens. Saving
// is tried again all the time, the credential goes on with its old tokens, and
// nobody refreshes it.
func (m *Manager) UnsavedRefreshes() []UnsavedRefresh {
	r := &m.refreshing
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []UnsavedRefresh
	for id, k := range r.known {
		if k.unsaved != nil {
			all = append(all, UnsavedRefresh{ID: id, Since: k.unsaved.since, Err: k.unsaved.err})
		}
	}
	return all
}

// unsavedMessage begins what a record says while its new tokens are not saved.
const unsavedMessage = "the refreshed tokens are not saved yet: "

// show puts into a copy of a record what is only known of the moment: that it is
// being refreshed, or that it was and is not saved.
func (m *Manager) show(a *auth.Auth) *auth.Auth {
	if a == nil {
		return nil
	}
	if a.Status == auth.StatusActive && m.refreshing.flights.Running(a.ID) {
		a.Status = auth.StatusRefreshing
	}
	if held := m.refreshing.get(a.ID).unsaved; held != nil && held.err != nil {
		a.StatusMessage = unsavedMessage + held.err.Error()
	}
	return a
}

// unshow takes out of a record that somebody changed what show put there, and
// the tokens that were replaced since it was read.
func (m *Manager) unshow(given, old *auth.Auth) {
	if given.Status == auth.StatusRefreshing {
		given.Status = old.Status
	}
	if strings.HasPrefix(given.StatusMessage, unsavedMessage) {
		given.StatusMessage = old.StatusMessage
	}
	replaced := m.refreshing.get(given.ID).replaced
	if given.LastRefreshedAt.After(old.LastRefreshedAt) {
		return
	}
	if given.LastRefreshedAt.Equal(old.LastRefreshedAt) && !holdsAll(given.Metadata, replaced) {
		return // it was read since; one old value among new ones is an edit
	}
	for key, was := range replaced {
		if !reflect.DeepEqual(given.Metadata[key], was) {
			continue
		}
		if given.Metadata == nil {
			given.Metadata = map[string]any{}
		}
		given.LastRefreshedAt = old.LastRefreshedAt
		if v, there := old.Metadata[key]; there {
			given.Metadata[key] = v
		} else {
			delete(given.Metadata, key)
		}
	}
}

func holdsAll(metadata, values map[string]any) bool {
	for key, v := range values {
		if !reflect.DeepEqual(metadata[key], v) {
			return false
		}
	}
	return true
}

// confirm notes that a credential works, if its tokens are new, and tells the
// store that the old ones may go.
func (m *Manager) confirm(id string, started time.Time) {
	r := &m.refreshing
	if r.trials.Load() == 0 {
		return
	}
	if !r.get(id).trial {
		return
	}
	var gen uint64
	var worked bool
	r.note(id, func(k *renewal) {
		worked = k.trial && (started.IsZero() || !started.Before(k.at))
		if worked {
			k.trial, gen = false, k.gen
		}
	})
	store, durable := m.world.Load().store.(auth.RefreshStore)
	if !worked || !durable {
		return
	}
	m.spawn(func() {
		ctx, cancel := context.WithTimeout(context.Background(), m.world.Load().refresh.Timeout)
		defer cancel()
		if err := m.guarded("store", func() error { return store.Confirm(ctx, id, gen) }); err != nil {
			m.log.Warn("the store keeps old tokens for longer than needed", "credential", id, "error", err)
		}
	})
}

// otherTokens reports whether two records hold different tokens. What cannot be
// told by name is told by everything that a provider keeps.
func otherTokens(a, b *auth.Auth) bool {
	ra, rb, aa, ab := a.RefreshToken(), b.RefreshToken(), a.AccessToken(), b.AccessToken()
	if ra+rb+aa+ab == "" {
		return !reflect.DeepEqual(a.Metadata, b.Metadata)
	}
	return ra != rb || aa != ab
}

// renewed reports whether a record is newer than one that was used, as far as
// tokens go.
func renewed(now, used *auth.Auth) bool {
	return now.LastRefreshedAt.After(used.LastRefreshedAt) || otherTokens(now, used)
}

// replacedBy returns what a refresh changes in Metadata: what was there, by key.
func replacedBy(before, fresh map[string]any) map[string]any {
	out := map[string]any{}
	for key, was := range before {
		if v, kept := fresh[key]; !kept || !reflect.DeepEqual(was, v) {
			out[key] = was
		}
	}
	for key := range fresh {
		if _, had := before[key]; !had {
			out[key] = nil
		}
	}
	return out
}

// overlay returns Metadata with older values put back.
func overlay(metadata, replaced map[string]any) map[string]any {
	out := maps.Clone(metadata)
	for key, was := range replaced {
		if was == nil {
			delete(out, key)
		} else {
			out[key] = was
		}
	}
	return out
}
