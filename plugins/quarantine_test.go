package plugins

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/abi"
)

var rules = Quarantine{Faults: 5, Window: 10 * time.Second, Backoff: 5 * time.Second, BackoffMax: time.Minute}

// always says the same of every op.
func always(n uint64) func(abi.Op) uint64 { return func(abi.Op) uint64 { return n } }

// TestP10Quarantine tells one plugin's story, second by second.
func TestP10Quarantine(t *testing.T) {
	start := time.Unix(1_000_000, 0)
	var b breaker
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	fault := func(s int, trial, want bool) {
		t.Helper()
		if got := b.faulted(at(s), abi.OpExecute, always(0), trial, rules); got != want {
			t.Errorf("second %d: a quarantine begins: %v, want %v", s, got, want)
		}
	}
	admit := func(s int, wantOK, wantTrial bool) {
		t.Helper()
		if ok, trial := b.admit(at(s)); ok != wantOK || trial != wantTrial {
			t.Errorf("second %d: %v %v, want %v %v", s, ok, trial, wantOK, wantTrial)
		}
	}
	// Faults far between do no harm.
	for s := 0; s < 60; s += 3 {
		fault(s, false, false)
	}
	for s := 100; s < 104; s++ {
		fault(s, false, false)
	}
	fault(104, false, true)
	admit(104, false, false)
	admit(108, false, false)
	fault(108, false, false) // it had begun before
	admit(109, true, true)
	admit(109, false, false) // one at a time
	b.undecided()
	admit(110, true, true)
	fault(111, true, true) // twice as long
	admit(120, false, false)
	admit(121, true, true)
	b.answered(at(121))
	admit(121, true, false)
	admit(121, true, false)
	fault(122, false, true) // soon after: at once, and twice as long
	admit(141, false, false)
	admit(142, true, true)
	b.answered(at(142))
	// It did well for longer than it was away: all is forgotten.
	for s := 200; s < 204; s++ {
		fault(s, false, false)
	}
	fault(204, false, true)
	admit(208, false, false)
	admit(209, true, true)

	var never breaker
	for range 100 {
		if never.faulted(start, abi.OpExecute, always(0), false, Quarantine{}.withDefaults()) {
			t.Fatal("zero faults means never")
		}
	}
}

// TestBackoffDoublesUpToItsCap, and no longer.
func TestBackoffDoublesUpToItsCap(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	var b breaker
	for range rules.Faults {
		b.faulted(now, abi.OpExecute, always(0), false, rules)
	}
	for _, want := range []time.Duration{5, 10, 20, 40, 60, 60, 60} {
		if got := b.until.Sub(now); got != want*time.Second {
			t.Errorf("%v, want %v s", got, want)
		}
		now = b.until
		if ok, trial := b.admit(now); !ok || !trial {
			t.Fatal("it is not tried again")
		}
		b.faulted(now, abi.OpExecute, always(0), true, rules)
	}
}

// TestP10OneBadInputIsNoCrashLoop: who has found an input that a plugin stumbles
// over cannot take the plugin from all others.
func TestP10OneBadInputIsNoCrashLoop(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	var b breaker
	answered := uint64(1000)
	for range 100 {
		answered += 3 // of others, meanwhile
		if b.faulted(now, abi.OpExecute, always(answered), false, rules) {
			t.Fatal("quarantined although it answers most")
		}
		now = now.Add(100 * time.Millisecond)
	}
	// What one op answers says nothing of another.
	byOp := func(op abi.Op) uint64 { return map[abi.Op]uint64{abi.OpExecute: answered, abi.OpModels: 7}[op] }
	began := false
	for n := range rules.Faults {
		if began = b.faulted(now, abi.OpModels, byOp, false, rules); began != (n == rules.Faults-1) {
			t.Errorf("fault %d of another op: %v", n, began)
		}
	}
	b = breaker{}
	for n := range rules.Faults { // as many as not
		if began = b.faulted(now, abi.OpExecute, always(answered+uint64(n)), false, rules); began != (n == rules.Faults-1) {
			t.Errorf("fault %d: %v", n, began)
		}
	}
}

// TestQuarantineHolds: whatever happens, in quarantine no call runs, after it one,
// it ends, and it is never longer than its cap.
func TestQuarantineHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_000_000, 0)
		var b breaker
		trials, ordinary := 0, 0
		answered := uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "ms")) * time.Millisecond)
			},
			"call": func(t *rapid.T) {
				was := b.until
				ok, trial := b.admit(now)
				switch {
				case was.IsZero() && (!ok || trial):
					t.Fatal("refused without a quarantine")
				case now.Before(was) && ok:
					t.Fatal("called in quarantine")
				case trial:
					trials++
				case ok:
					ordinary++
				}
			},
			"answer": func(*rapid.T) {
				if trials > 0 {
					trials--
					b.answered(now)
				} else if ordinary > 0 {
					ordinary--
				}
				answered++
			},
			"leaves": func(*rapid.T) {
				if trials > 0 {
					trials--
					b.undecided()
				}
			},
			"fault": func(t *rapid.T) {
				trial := trials > 0
				if trial {
					trials--
				} else if ordinary == 0 {
					return
				} else {
					ordinary--
				}
				if began := b.faulted(now, abi.OpExecute, always(answered), trial, rules); began != (b.until.After(now) && b.last == b.until.Sub(now)) && trial {
					t.Fatal("a trial that faults begins a quarantine")
				}
			},
			"": func(t *rapid.T) {
				if trials > 1 {
					t.Fatal("two calls try it")
				}
				if b.until.Sub(now) > rules.BackoffMax || len(b.recent) > rules.Faults { // there is one op
					t.Fatalf("%+v", b)
				}
			},
		})
	})
}

// TestFaultD06Trial: when a new version goes back.
func TestFaultD06Trial(t *testing.T) {
	const exec, models = abi.OpExecute, abi.OpModels
	tests := []struct {
		name   string
		run    func(*trial) bool // the last outcome's verdict
		failed bool
	}{
		{"the first call", func(t *trial) bool { return t.fault(exec) }, true},
		{"models answer, requests do not", func(t *trial) bool {
			for range 100 {
				t.answered(models)
			}
			return t.fault(exec)
		}, true},
		{"one of many", func(t *trial) bool { t.answered(exec); t.answered(exec); return t.fault(exec) }, false},
		{"as many as not", func(t *trial) bool { t.answered(exec); return t.fault(exec) }, false},
		{"more than not", func(t *trial) bool { t.answered(exec); t.fault(exec); return t.fault(exec) }, true},
		{"an answer that breaks the contract", func(t *trial) bool { t.answered(exec); return t.broke(exec) }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.run(newTrial(time.Unix(0, 0))); got != tt.failed {
				t.Errorf("failed: %v, want %v", got, tt.failed)
			}
		})
	}
	if v := newTrial(time.Unix(0, 0)); v.over(time.Unix(59, 0)) || !v.over(time.Unix(60, 0)) {
		t.Error("a trial lasts a minute")
	}
}

// TestWhoIsToBlame: what a caller did is not the plugin's fault.
func TestWhoIsToBlame(t *testing.T) {
	now := time.Unix(0, 0)
	var events []Event
	g := gate{
		now: func() time.Time { return now }, plugin: "p", limits: func() Quarantine { return rules },
		tell: func(e Event, _ string) { events = append(events, e) },
	}
	call := func(f abi.Fault) {
		p, refused := g.enter(abi.OpExecute)
		if refused != nil {
			t.Fatal(refused)
		}
		var err error
		if f != 0 {
			err = &abi.CallError{Op: abi.OpExecute, Fault: f}
		}
		g.leave(p, abi.OpExecute, err)
	}
	for range 20 {
		for _, f := range []abi.Fault{0, abi.FaultCanceled, abi.FaultBusy, abi.FaultClosed} {
			call(f)
		}
	}
	for _, f := range []abi.Fault{abi.FaultTrap, abi.FaultDeadline, abi.FaultProtocol, abi.FaultLimit} {
		call(f)
	}
	if len(events) != 0 || g.standing().Quarantined {
		t.Fatal(events)
	}
	call(abi.FaultTrap)
	if s := g.standing(); !s.Quarantined || !s.Until.Equal(now.Add(rules.Backoff)) {
		t.Errorf("%+v", s)
	}
	_, refused := g.enter(abi.OpExecute)
	if refused == nil || refused.Fault != abi.FaultClosed || !errors.Is(refused, refused) {
		t.Errorf("%v", refused)
	}
	now = now.Add(rules.Backoff)
	call(abi.FaultCanceled) // says nothing: the next one tries
	call(0)
	if s := g.standing(); s.Quarantined || g.watched.Load() {
		t.Errorf("%+v", s)
	}
	if len(events) != 2 || events[0] != EventQuarantined || events[1] != EventRecovered {
		t.Error(events)
	}
}
