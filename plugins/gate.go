package plugins

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
)

// Standing is whether a plugin may be called, and why not.
type Standing struct {
	// Quarantined: calls are refused until Until; then one is tried.
	Quarantined bool
	Until       time.Time
	// Reason is one line for the operator: what it did last, and how often.
	Reason string
}

// Event is what a Host tells of a plugin's standing.
type Event uint8

// The events.
const (
	// EventQuarantined: the plugin gets no calls for a while.
	EventQuarantined Event = iota + 1
	// EventRecovered: it answered the call that tried it.
	EventRecovered
	// EventFailedTrial: a version on trial faults more than it answers.
	EventFailedTrial
	// EventPassedTrial: a version did well for the time of its trial.
	EventPassedTrial
)

// gate stands before a plugin's calls. While all is well a call costs one
// atomic load.
type gate struct {
	now    func() time.Time
	tell   func(Event, string)
	plugin string
	limits func() Quarantine

	// watched: good answers matter too, since the plugin is in quarantine or on
	// trial. It is written under mu.
	watched atomic.Bool
	// answered counts the good answers by op.
	answered [abi.OpCloseSession + 1]atomic.Uint64

	// mu guards all below.
	mu      sync.Mutex
	breaker breaker
	trial   *trial
	failed  bool // the trial; nothing runs any more
	reason  string
}

// pass is the right to make a call.
type pass struct{ watched, trial bool }

// enter gives the right to a call, or says why not.
func (g *gate) enter(op abi.Op) (pass, *abi.CallError) {
	if !g.watched.Load() {
		return pass{}, nil
	}
	now := g.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	refuse := func(detail string) *abi.CallError {
		return &abi.CallError{Plugin: g.plugin, Op: op, Fault: abi.FaultClosed, Detail: detail}
	}
	if g.failed {
		return pass{}, refuse("this version failed its trial: " + g.reason)
	}
	ok, trial := g.breaker.admit(now)
	if !ok {
		return pass{}, refuse("in quarantine: " + g.reason)
	}
	return pass{watched: true, trial: trial}, nil
}

// leave takes in how a call ended.
func (g *gate) leave(p pass, op abi.Op, err error) {
	if err == nil {
		g.answered[known(op)].Add(1)
		if p.watched {
			g.doesWell(p, op)
		}
		return
	}
	if call, ok := errors.AsType[*abi.CallError](err); ok && blames(call) {
		g.faulted(p, call, (*trial).fault)
		return
	}
	if p.trial {
		g.mu.Lock()
		g.breaker.undecided()
		g.mu.Unlock()
	}
}

// broke takes in that an answer broke the contract, of which only who acts on it
// could know.
func (g *gate) broke(call *abi.CallError) {
	g.answered[known(call.Op)].Add(^uint64(0)) // it was counted
	g.faulted(pass{}, call, (*trial).broke)
}

// answers is how many calls of an op were ever answered.
func (g *gate) answers(op abi.Op) uint64 { return g.answered[known(op)].Load() }

// known maps ops that do not exist to none.
func known(op abi.Op) abi.Op {
	if op > abi.OpCloseSession {
		return abi.OpUnspecified
	}
	return op
}

// blames reports whether a fault is the plugin's own. A deadline is, when the
// call's own time was over before its caller's.
func blames(call *abi.CallError) bool {
	switch call.Fault {
	case abi.FaultTrap, abi.FaultDeadline, abi.FaultProtocol, abi.FaultLimit:
		return true
	case abi.FaultCanceled, abi.FaultBusy, abi.FaultClosed:
	}
	return false
}

func (g *gate) doesWell(p pass, op abi.Op) {
	now := g.now()
	passed := false
	g.mu.Lock()
	if g.trial != nil {
		g.trial.answered(op)
		if passed = g.trial.over(now); passed {
			g.trial = nil
		}
	}
	if p.trial {
		g.breaker.answered(now)
		g.reason = ""
	}
	g.watched.Store(g.trial != nil || !g.breaker.until.IsZero())
	g.mu.Unlock()
	if p.trial {
		g.tell(EventRecovered, "")
	}
	if passed {
		g.tell(EventPassedTrial, "")
	}
}

func (g *gate) faulted(p pass, call *abi.CallError, note func(*trial, abi.Op) bool) {
	now := g.now()
	said := call.Op.String() + ": " + call.Fault.String()
	if call.Detail != "" {
		said += ": " + call.Detail
	}
	var event Event
	g.mu.Lock()
	quarantined := g.breaker.faulted(now, call.Op, g.answers, p.trial, g.limits())
	switch {
	case g.failed:
	case g.trial != nil && !g.trial.over(now) && (note(g.trial, call.Op) || quarantined):
		g.failed, g.reason, event = true, said, EventFailedTrial
	case quarantined:
		g.reason = fmt.Sprintf("it faults again and again, the last time in %s; it is tried again at %s", said, g.breaker.until.UTC().Format(time.RFC3339))
		event = EventQuarantined
	}
	g.watched.Store(g.trial != nil || g.failed || !g.breaker.until.IsZero())
	reason := g.reason
	g.mu.Unlock()
	if event != 0 {
		g.tell(event, reason)
	}
}

// begin puts a version on trial.
func (g *gate) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trial = newTrial(g.now())
	g.watched.Store(true)
}

// lift lets all calls through again, and ends a trial.
func (g *gate) lift() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.breaker, g.trial, g.failed, g.reason = breaker{}, nil, false, ""
	g.watched.Store(false)
}

func (g *gate) standing() Standing {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.breaker.until.IsZero() && !g.failed {
		return Standing{}
	}
	return Standing{Quarantined: true, Until: g.breaker.until, Reason: g.reason}
}
