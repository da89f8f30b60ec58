package plugins

import (
	"cmp"
	"slices"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
)

// Quarantine says when a plugin that faults gets no more calls for a while.
type Quarantine struct {
	// Faults within Window put a plugin into quarantine, unless it answers more
	// calls of the same op meanwhile; 0 means never.
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
// After Faults faults within Window the plugin is in quarantine, unless more calls
// of the op that faults were answered meanwhile: then it is not the plugin that is
// broken but an input that it stumbles over, and whoever can send that must not be
// able to take the plugin from everybody. When the quarantine is over, one call at a time tries it: a good answer lets all calls through
// again, a fault then or soon after begins a quarantine twice as long. A plugin that then does
// well for as long as its last quarantine was, begins anew.
type breaker struct {
	// recent are the latest faults, the oldest first.
	recent []recentFault
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

// recentFault is a fault of an op, and how many calls of that op had been answered
// until then.
type recentFault struct {
	at       time.Time
	op       abi.Op
	answered uint64
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

// faulted counts a fault of an op and says whether a quarantine begins with it.
// answered tells how many calls of an op were ever answered.
func (b *breaker) faulted(now time.Time, op abi.Op, answered func(abi.Op) uint64, trial bool, q Quarantine) (began bool) {
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
	b.remember(recentFault{now, op, answered(op)}, q)
	if b.weight(answered) < q.Faults {
		return false
	}
	return b.begin(now, q)
}

// remember keeps the latest faults: within the window, and of each op no more than
// would be enough.
func (b *breaker) remember(f recentFault, q Quarantine) {
	b.recent = append(slices.DeleteFunc(b.recent, func(old recentFault) bool { return f.at.Sub(old.at) > q.Window }), f)
	same := 0
	for _, old := range b.recent {
		if old.op == f.op {
			same++
		}
	}
	if same > q.Faults {
		at := slices.IndexFunc(b.recent, func(old recentFault) bool { return old.op == f.op })
		b.recent = slices.Delete(b.recent, at, at+1)
	}
}

// weight counts the recent faults, but not those of an op of which more calls were
// answered than faulted since the first of them.
func (b *breaker) weight(answered func(abi.Op) uint64) (faults int) {
	type count struct{ faults, since uint64 }
	var ops [abi.OpCloseSession + 1]count
	for _, f := range b.recent {
		c := &ops[known(f.op)]
		if c.faults == 0 {
			c.since = f.answered
		}
		c.faults++
	}
	for op, c := range ops {
		// Signed, since an answer that turns out to break the contract is taken
		// back.
		if c.faults > 0 && int64(answered(abi.Op(op))-c.since) <= int64(c.faults) {
			faults += int(c.faults)
		}
	}
	return faults
}

func (b *breaker) begin(now time.Time, q Quarantine) bool {
	b.last = min(max(2*b.last, q.Backoff), q.BackoffMax)
	b.until, b.recent = now.Add(b.last), b.recent[:0]
	return true
}
