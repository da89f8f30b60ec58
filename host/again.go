package host

import (
	"iter"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/retry"
)

// looked bounds how many credentials decide whether another round may begin. A
// request that fails costs the same however many there are, which counts most
// when all of them fail.
const looked = 64

// candidates are the credentials that another round could use: some of those
// that are free, and of those that will be within the longest wait the first.
// When no limit reaches that far, there is no need to look.
func (m *Manager) candidates(r *request, round int) iter.Seq[retry.Candidate] {
	if round >= r.w.retries && int64(round) >= m.maxRetry.Load() {
		return nil
	}
	return func(yield func(retry.Candidate) bool) {
		q := m.query(r)
		q.Round = round + 1
		var room [looked]*slot
		soon, busy := m.index.Soonest(q, q.Now.Add(r.w.maxInterval), room[:0])
		for _, s := range soon {
			if e := s.cur.Load(); e != nil && !yield(m.candidate(r, s, e, q.Now)) {
				return
			}
		}
		if busy { // somebody may be done with it at any moment
			yield(retry.Candidate{Limit: round + 1})
		}
	}
}

func (m *Manager) candidate(r *request, s *slot, e *entry, now time.Time) retry.Candidate {
	b := e.block(r.route, now)
	if b.Reason == auth.NotBlocked { // its host may be what it waits for
		if left := m.hosts.Shut(s.host(), r.w.cooldown, now); left > 0 {
			b.Until = now.Add(left)
		}
	}
	return retry.Candidate{Limit: e.limit(r.w), Until: b.Until, Status: b.Status, Quota: b.Reason == auth.BlockedQuota}
}
