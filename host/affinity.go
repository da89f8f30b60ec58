package host

import (
	"container/list"
	"crypto/sha256"
	"strings"
	"sync"
	"time"

	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/schedule"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// maxSessions bounds the sessions that are remembered; the one that was used
// least recently makes room.
const maxSessions = 16384

// affinity remembers which credential served a session last. The zero value is
// empty. It is safe for concurrent use. core-decisions.md section 2, row 31.
type affinity struct {
	mu sync.Mutex // guards all below
	// recent holds the sessions, the one that was used last in front.
	recent list.List
	byKey  map[sessionKey]*list.Element
}

// sessionKey is what a session is found by. It is a digest, since clients make
// the ids.
type sessionKey [sha256.Size]byte

// visited is one session with one model.
type visited struct {
	key sessionKey
	id  string // of the credential
	at  time.Time
}

// keyOf tells sessions apart by their id, the providers that are asked and the
// model.
func keyOf(session string, providers []string, model string) sessionKey {
	return sha256.Sum256([]byte(strings.Join(providers, ",") + "\x00" + model + "\x00" + session))
}

// last returns the credential that served a session, empty when none did within
// ttl.
func (a *affinity) last(key sessionKey, ttl time.Duration, now time.Time) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	el := a.byKey[key]
	if el == nil {
		return ""
	}
	v, _ := el.Value.(*visited)
	if age := now.Sub(v.at); age >= ttl || age < -ttl { // a clock that was set back keeps nothing for ever
		a.recent.Remove(el)
		delete(a.byKey, key)
		return ""
	}
	return v.id
}

// served notes which credential served a session.
func (a *affinity) served(key sessionKey, id string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if el := a.byKey[key]; el != nil {
		v, _ := el.Value.(*visited)
		v.id, v.at = id, now
		a.recent.MoveToFront(el)
		return
	}
	if a.byKey == nil {
		a.byKey = map[sessionKey]*list.Element{}
	}
	if len(a.byKey) >= maxSessions {
		oldest := a.recent.Back()
		v, _ := a.recent.Remove(oldest).(*visited)
		delete(a.byKey, v.key)
	}
	a.byKey[key] = a.recent.PushFront(&visited{key: key, id: id, at: now})
}

// affinityOf is how long sessions are remembered, 0 for not at all.
func affinityOf(r settings.Routing) time.Duration {
	switch {
	case !r.SessionAffinity:
		return 0
	case r.SessionAffinityTTL <= 0:
		return settings.DefaultSessionAffinityTTL
	}
	return r.SessionAffinityTTL
}

// join notes which session a request is of, if that makes a difference: a pin is
// a stronger word, and a selector that is not ours decides on its own.
func (r *request) join() {
	if id := text(r.opts.Metadata[executor.ExecutionSessionIDKey]); id != "" && r.w.affinity > 0 && r.pin == "" && r.indexed {
		key := keyOf(id, r.providers, r.canonical)
		r.session = &key
	}
}

// lastOf is the credential that a request's session had last, empty for none.
func (m *Manager) lastOf(r *request) string {
	if r.session == nil {
		return ""
	}
	return m.sessions.last(*r.session, r.w.affinity, m.now())
}

// keepSession notes that a credential served the request.
func (m *Manager) keepSession(r *request, s *slot) {
	if r.session != nil {
		m.sessions.served(*r.session, s.id, m.now())
	}
}

// pickIndexed asks the index, in the first place for the credential that the
// session had last. When that one cannot be had, it is a pick like any other.
func (m *Manager) pickIndexed(r *request) (schedule.Picked[*slot], bool) {
	q := m.query(r)
	if r.tried.Len() == 0 {
		if id := m.lastOf(r); id != "" {
			stay := q
			stay.Pin = id
			if p, ok := m.index.Pick(stay, &r.tried); ok {
				return p, true
			}
		}
	}
	return m.index.Pick(q, &r.tried)
}

// stay moves the credential that a session keeps to to the front of those that
// would be tried, where it is one of them.
func stay(order []string, id string) []string {
	for i, other := range order {
		if other == id {
			copy(order[1:i+1], order[:i])
			order[0] = id
			break
		}
	}
	return order
}

// explainSession adds to a candidate what a session means for it.
func explainSession(c *Candidate) {
	if c.Verdict == VerdictReady || c.Verdict == VerdictProbe {
		c.Reason += "; it served the session last, which keeps to it"
		return
	}
	c.Reason += "; it served the session last, which goes on with whoever serves it next"
}
