package plugins

import (
	"cmp"
	"time"
)

// Quarantine says when a plugin that faults gets no more calls for a while.
type Quarantine struct {
	// Faults within Window put a plugin into quarantine; 0 means never.
	Faults int
	// Window within which faults are counted; 0 means 10 s.
	Window time.Duration
	// Backoff is how long the first quarantine lasts; 0 means 5 s. Each one
	// that follows lasts twice as long, up to BackoffMax; 0 means 10 min.
	Backoff, BackoffMax time.Duration
}

func (q Quarantine) withDefaults() Quarantine {
	q.Window = cmp.Or(q.Window, 10*time.Second)
	q.Backoff = cmp.Or(q.Backoff, 5*time.Second)
	q.BackoffMax = max(cmp.Or(q.BackoffMax, 10*time.Minute), q.Backoff)
	return q
}

// breaker decides whether a plugin may be called. It is pure: every method
// takes the time. The zero value lets calls through.
//
// After Faults faults within Window the plugin is in quarantine. When that is
// over, one call at a time tries it: a good answer lets all calls through
// again, a fault then or soon after begins a quarantine twice as long. A plugin that then does
// well for as long as its last quarantine was, begins anew.
type breaker struct {
	// recent are the times of the latest faults, the oldest first.
	recent []time.Time
	// until is when the quarantine ends; zero without one.
	until time.Time
	// last is how long the latest quarantine is or was, trouble the time of
	// the latest fault or of the answer that ended a quarantine.
	last    time.Duration
	trouble time.Time
	// recovered is when the latest quarantine ended well. For a while after it
	// one fault is enough: what an answer is worth is seen only when the host
	// acts on it.
	recovered time.Time
	// trying: the one call that may try a plugin is under way.
	trying bool
}

// admit says whether a call may begin at now, and whether it is the one that
// tries a plugin after its quarantine.
func (b *breaker) admit(now time.Time) (ok, trial bool) {
	switch {
	case b.until.IsZero():
		return true, false
	case now.Before(b.until) || b.trying:
		return false, false
	}
	b.trying = true
	return true, true
}

// undecided ends a trial that says nothing of the plugin: its caller left.
func (b *breaker) undecided() { b.trying = false }

// answered ends a trial that went well.
func (b *breaker) answered(now time.Time) {
	b.trying, b.recent = false, b.recent[:0]
	b.until, b.trouble, b.recovered = time.Time{}, now, now
}

// faulted counts a fault and says whether a quarantine begins with it.
func (b *breaker) faulted(now time.Time, trial bool, q Quarantine) (began bool) {
	if q.Faults <= 0 {
		*b = breaker{}
		return false
	}
	if trial {
		b.trying = false
		return b.begin(now, q)
	}
	if !b.until.IsZero() { // a call that had begun before the quarantine
		return false
	}
	if now.Sub(b.trouble) > max(b.last, q.Window) {
		b.last = 0
	}
	b.trouble = now
	if !b.recovered.IsZero() && now.Sub(b.recovered) <= q.Window {
		return b.begin(now, q)
	}
	b.recent = append(b.recent, now)
	if extra := len(b.recent) - q.Faults; extra > 0 {
		b.recent = append(b.recent[:0], b.recent[extra:]...)
	}
	if len(b.recent) < q.Faults || now.Sub(b.recent[0]) > q.Window {
		return false
	}
	return b.begin(now, q)
}

func (b *breaker) begin(now time.Time, q Quarantine) bool {
	b.last = min(max(2*b.last, q.Backoff), q.BackoffMax)
	b.until, b.recent = now.Add(b.last), b.recent[:0]
	return true
}
