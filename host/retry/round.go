package retry

import (
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// Candidate is a credential that the next round could use: of a provider of
// this request, enabled, and supporting the model.
type Candidate struct {
	// Limit is how many further rounds the credential allows.
	Limit int
	// Until is when its block ends; zero means that it is not blocked.
	Until time.Time
	// Status is what blocked it, 0 when unknown.
	Status int
	// Quota says that a quota blocks it.
	Quota bool
}

// Round is a round that failed.
type Round struct {
	// Err is what it failed with.
	Err error
	// Round counts from 0.
	Round int
	// MaxWait bounds the wait. With 0 there is no waiting: a further round
	// begins at once or not at all.
	MaxWait time.Duration
	// Candidates are those that the next round could use. They are asked for only
	// when the failure is one that a wait may mend, and no further than to one that
	// is free. Nil means none.
	Candidates iter.Seq[Candidate]
	// Statuses are those that may be different in another round; empty means
	// settings.DefaultRetryStatuses.
	Statuses []int
	Now      time.Time
	// Rand returns a number in [0, 1); nil means no jitter.
	Rand func() float64
}

const (
	// maxJitter bounds what is added to a wait, so that requests that wait for
	// the same credential do not all come at once.
	maxJitter = 2 * time.Second
	// firstPause and maxPause shape the pause before a round for which nobody
	// is blocked.
	firstPause = 50 * time.Millisecond
	maxPause   = time.Second
)

// Next says whether another round may begin, and after what wait. spec:
// core.md 2.6 and 2.7.
func Next(r Round) (wait time.Duration, again bool) {
	if !Failover(r.Err) || final(r.Err) || !r.passing(StatusOf(r.Err)) {
		return 0, false
	}
	wait, again = r.shortest()
	switch {
	case !again:
		return 0, false
	case wait == 0:
		return r.pause(), true
	case wait > r.MaxWait:
		return 0, false
	}
	return wait + r.jitter(min(wait/4, maxJitter, r.MaxWait-wait)), true
}

// final reports whether the core itself said that nobody can serve the request,
// which no wait changes.
func final(err error) bool {
	own, ok := errors.AsType[*auth.Error](err)
	if !ok {
		return false
	}
	switch own.Code {
	case auth.CodeProviderNotFound, auth.CodeAuthNotFound, auth.CodeExecutorNotFound, auth.CodeNotSupported, auth.CodeModelNotFound:
		return true
	}
	return false
}

func (r Round) passing(status int) bool {
	if len(r.Statuses) == 0 {
		return passing(status)
	}
	return slices.Contains(r.Statuses, status)
}

// shortest returns how long it takes until a credential that still allows a
// round is free; a block that no waiting mends justifies no round.
func (r Round) shortest() (wait time.Duration, ok bool) {
	if r.Candidates == nil {
		return 0, false
	}
	for c := range r.Candidates {
		if r.Round >= c.Limit {
			continue
		}
		left := c.Until.Sub(r.Now)
		if c.Until.IsZero() || left <= 0 {
			return 0, true
		}
		if !c.Quota && !r.passing(c.Status) {
			continue
		}
		if !ok || left < wait {
			wait, ok = left, true
		}
	}
	return wait, ok
}

// pause is the wait before a round that need not wait for anybody.
func (r Round) pause() time.Duration {
	d := maxPause
	if r.Round < 5 { // 50 ms · 2^5 is above the cap
		d = min(firstPause<<r.Round, maxPause)
	}
	return r.jitter(min(d, max(r.MaxWait, 0)))
}

func (r Round) jitter(d time.Duration) time.Duration {
	if r.Rand == nil || d <= 0 {
		return 0
	}
	return time.Duration(r.Rand() * float64(d))
}
