package cooldown_test

import (
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
)

// TestFailedProbes: what follows a block that ended in a probe which failed.
func TestFailedProbes(t *testing.T) {
	const week = 168 * time.Hour
	for name, c := range map[string]struct {
		first auth.Result
		again []auth.Result // each as the probe of the block before it
		want  []time.Duration
		from  auth.Source // of the last
	}{
		"401 doubles up to the cap":       {failed(401, ""), repeat(failed(401, ""), 5), minutes(60, 120, 240, 360, 360), auth.SourceProbe},
		"another failure doubles too":     {failed(401, ""), repeat(failed(500, ""), 1), minutes(60), auth.SourceProbe},
		"no answer proves nothing":        {failed(401, ""), repeat(failed(0, ""), 1), minutes(0), ""},
		"a hint beyond the cap doubles":   {hinted(week), repeat(hinted(week), 2), minutes(120, 240), auth.SourceProbe},
		"a hint is never exceeded":        {hinted(week), repeat(hinted(70*time.Minute), 1), minutes(70), auth.SourceProbe},
		"a short hint is believed":        {hinted(week), repeat(hinted(time.Minute), 1), minutes(1), auth.SourceBody},
		"an old reset is never exceeded":  {hinted(90 * time.Minute), repeat(failed(503, ""), 1), minutes(30), auth.SourceProbe},
		"no hint continues the ladder":    {failed(429, ""), repeat(failed(429, ""), 12), seconds(2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1800, 1800), auth.SourceLadder},
		"404 climbs on its own":           {failed(404, ""), repeat(failed(404, ""), 4), minutes(20, 80, 320, 720), auth.SourceLadder},
		"a missing model is not cut":      {failed(404, "gpt-x is unknown"), repeat(failed(404, "gpt-x is unknown"), 1), minutes(720), auth.SourceDefault},
		"a fault of the request is none":  {failed(401, ""), repeat(failed(400, ""), 1), minutes(0), ""},
		"short blocks end without probes": {failed(500, ""), repeat(failed(500, ""), 3), minutes(1, 1, 1), auth.SourceDefault},
	} {
		at := now
		state, _ := cooldown.Decide(auth.ModelState{}, c.first, cfg, false, at)
		for i, res := range c.again {
			if state.Unavailable {
				at = state.NextRetryAfter
			}
			long := state.ProbeWait > 0
			if state.HalfOpen(at.Add(-1)) || state.HalfOpen(at) != long {
				t.Errorf("%s: half-open %v before its end, %v at its end", name, state.HalfOpen(at.Add(-1)), state.HalfOpen(at))
			}
			before := state
			state, _ = cooldown.Decide(state, res, cfg, false, at)
			wait := time.Duration(0)
			if state.Unavailable && state.NextRetryAfter.After(at) {
				wait = state.NextRetryAfter.Sub(at)
			}
			if wait != c.want[i] {
				t.Errorf("%s: wait %d is %v after %v, want %v", name, i, wait, before.ProbeWait, c.want[i])
			}
		}
		if c.from != "" && state.Source != c.from {
			t.Errorf("%s: on the word of %q, want %q", name, state.Source, c.from)
		}
		after, _ := cooldown.Decide(state, auth.Result{Model: "gpt-x", Success: true, Started: at}, cfg, false, at.Add(time.Hour))
		if after.ProbeWait != 0 || after.Status != auth.StatusActive {
			t.Errorf("%s: a success left %+v", name, after)
		}
	}
}

func repeat(res auth.Result, n int) []auth.Result {
	out := make([]auth.Result, n)
	for i := range out {
		out[i] = res
	}
	return out
}

func minutes(ns ...int) []time.Duration { return times(time.Minute, ns) }
func seconds(ns ...int) []time.Duration { return times(time.Second, ns) }

func times(unit time.Duration, ns []int) []time.Duration {
	out := make([]time.Duration, len(ns))
	for i, n := range ns {
		out[i] = time.Duration(n) * unit
	}
	return out
}

func TestProbesCanBeOff(t *testing.T) {
	off := cfg
	off.ProbeAfter = 0
	state, _ := cooldown.Decide(auth.ModelState{}, failed(401, ""), off, false, now)
	if state.ProbeWait != 0 || state.HalfOpen(now.Add(time.Hour)) {
		t.Errorf("%+v", state)
	}
}

// TestCoolingOffEndsProbes: a switch that is off lets nobody wait, not even for
// a probe; a model that is not there stays so.
func TestCoolingOffEndsProbes(t *testing.T) {
	a := &auth.Auth{ID: "a"}
	cooldown.Apply(a, failed(401, ""), cfg, false, now)
	missing := failed(404, "gpt-y is unknown")
	missing.Model = "gpt-y"
	cooldown.Apply(a, missing, cfg, false, now)
	later := now.Add(time.Hour)
	cooldown.Aggregate(a, later)
	if !a.ModelStates["gpt-x"].HalfOpen(later) {
		t.Fatal("the probe was forgotten with its block")
	}
	if !cooldown.Lift(a, later) || a.ModelStates["gpt-x"].HalfOpen(later) {
		t.Errorf("the probe outlived the switch: %+v", a.ModelStates["gpt-x"])
	}
	if !a.ModelStates["gpt-y"].Unavailable {
		t.Error("a missing model came back")
	}
	cooldown.Apply(a, failed(401, ""), cfg, true, later)
	if s := a.ModelStates["gpt-x"]; s.ProbeWait != 0 || s.Unavailable {
		t.Errorf("with cooling off: %+v", s)
	}
}
