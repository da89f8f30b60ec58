package host

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/models"
	"github.com/patchbay-dev/patchbay/host/schedule"
)

// slot is where the newest entry of one credential is found. It stays the same
// as long as the credential is known; nil in it means that it was removed, so
// that a late mark finds nothing to write to.
type slot struct {
	id  string
	cur atomic.Pointer[entry]
	// pools is nil as long as no pool of the credential was asked for.
	pools atomic.Pointer[rotation]
	// upstream is the host that sent the credential nothing when it was last asked,
	// nil when that never was. It is forgotten when the record is written anew,
	// which may name another host.
	upstream atomic.Pointer[string]
	// probing holds the states that a probe is trying out; guarded by Manager.mu.
	probing map[string]bool
}

// entry is what is known of a credential at one moment. It is immutable: the
// record and everything in it are never written again once published.
type entry struct {
	*offer
	auth *auth.Auth
	rev  uint64 // grows by one with each publish in a slot
	view atomic.Pointer[auth.Auth]
	// retries is how many further rounds the credential allows; -1 means what
	// the manager says.
	retries int32
	// quiet: a success changes nothing, whatever the model.
	quiet bool
}

// unsyncedEntry makes an entry of a record.
func (m *Manager) unsyncedEntry(a *auth.Auth, given []models.Info, rev uint64) *entry {
	e := &entry{offer: m.offers.of(m.world.Load().names, a, given), auth: a, rev: rev, retries: -1, quiet: quiet(a)}
	if n, ok := a.RequestRetryOverride(); ok {
		e.retries = int32(min(n, math.MaxInt32))
	}
	return e
}

// after returns the entry that follows e when only health changed.
func (e *entry) after(a *auth.Auth) *entry {
	return &entry{offer: e.offer, auth: a, rev: e.rev + 1, retries: e.retries, quiet: quiet(a)}
}

// servedModels returns what the operator listed, with what is known of each,
// or else all that was given.
func servedModels(a *auth.Auth, given []models.Info) []models.Info {
	declared := a.DeclaredModels()
	if len(declared) == 0 {
		return given
	}
	known := make(map[string]models.Info, len(given))
	for _, info := range given {
		known[info.ID] = info
	}
	out := make([]models.Info, 0, len(declared))
	for _, id := range declared {
		info, ok := known[id]
		if !ok {
			info = models.Info{ID: id}
		}
		out = append(out, info)
	}
	return out
}

func (e *entry) disabled() bool {
	return e.auth.Disabled || e.auth.Status == auth.StatusDisabled
}

// limit is how many further rounds the credential allows.
func (e *entry) limit(w *world) int {
	if e.retries >= 0 {
		return int(e.retries)
	}
	return w.retries
}

// member is the credential as the index sees it. The caller holds Manager.mu.
func (e *entry) member(s *slot, now time.Time) schedule.Member[*slot] {
	m := schedule.Member[*slot]{ID: s.id, Provider: e.provider, Priority: e.auth.Priority(), Value: s}
	m.Rounds = int(e.retries)
	m.Weight, m.Group, m.Socket, m.Limit = e.auth.Weight(), e.auth.Group(), e.auth.Websockets(), e.auth.MaxInFlight()
	m.Seats = make([]schedule.Seat, len(e.lanes))
	for i, l := range e.lanes {
		m.Seats[i] = e.seat(s, l, now)
	}
	return m
}

// seat is one lane as the index sees it. A block of the whole credential may end
// before one of the model that lies behind it; the seat is free after the last
// of them, and waits for a quota only if all of them do. It is free for a probe
// when a long block lies behind it, and for nobody while there is one. The
// caller holds Manager.mu.
func (e *entry) seat(s *slot, l lane, now time.Time) schedule.Seat {
	seat := schedule.Seat{Model: l.name, State: e.standing(s, l.state, now)}
	for _, other := range l.others {
		seat.State = better(seat.State, e.standing(s, other, now))
	}
	return seat
}

// standing is what one state says of a seat.
func (e *entry) standing(s *slot, state string, now time.Time) schedule.State {
	b := e.auth.Block(state, now)
	if b.Reason != auth.BlockedDisabled && (s.probing[auth.CredentialState] || s.probing[state]) {
		return schedule.State{Blocked: true}
	}
	if b.Reason == auth.NotBlocked {
		return schedule.State{Probe: len(e.halfOpen(state, now)) > 0}
	}
	st := schedule.State{Blocked: true, Off: e.disabled(), Quota: true}
	for b.Reason != auth.NotBlocked {
		st.Until = b.Until
		st.Quota = st.Quota && b.Reason == auth.BlockedQuota
		if b.Until.IsZero() {
			break
		}
		b = e.auth.Block(state, b.Until)
	}
	st.Probe = len(e.halfOpen(state, st.Until)) > 0
	return st
}

// public returns a copy of the record for selectors, made once per entry.
// Whatever a selector does to it reaches neither the entry nor the index.
func (e *entry) public() *auth.Auth {
	if v := e.view.Load(); v != nil {
		return v
	}
	e.view.CompareAndSwap(nil, e.auth.Clone())
	return e.view.Load()
}

// quiet reports whether nothing is held against the credential, so that a
// success teaches nothing.
func quiet(a *auth.Auth) bool {
	if a.Status != auth.StatusActive || a.StatusMessage != "" || a.LastError != nil || a.Unavailable || a.Quota.Exceeded {
		return false
	}
	for _, s := range a.ModelStates {
		if s != nil && (s.Status != auth.StatusActive || s.Unavailable || s.LastError != nil || s.StatusMessage != "" || s.Quota != (auth.QuotaState{})) {
			return false
		}
	}
	return true
}
