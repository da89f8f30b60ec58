package cooldown_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
)

// TestEveryFailureInEverySetting crosses every row of core.md 3.1 with cooling
// on and off, with no hint, one, and one beyond the cap, each from every place,
// and with a success that began before the block, ended before it, or comes after
// it: the wait that must follow, and on whose word it is.
func TestEveryFailureInEverySetting(t *testing.T) {
	type hint struct {
		given, blocks time.Duration
		source        auth.Source
	}
	hints := []hint{{}}
	for _, source := range []auth.Source{auth.SourceHeader, auth.SourceBody, auth.SourcePlugin} {
		hints = append(hints, hint{42 * time.Second, 42 * time.Second, source}, hint{18 * 24 * time.Hour, time.Hour, source},
			hint{time.Millisecond, time.Second, source}, hint{-time.Hour, 0, source})
	}
	for _, row := range []struct {
		status  int
		message string
		wait    time.Duration // without a hint
		hinted  bool          // a hint takes its place
		absence bool          // it is no matter of cooling
		neutral bool          // it is no matter of the credential
	}{
		{400, "requested model is not supported", 12 * time.Hour, false, true, false},
		{422, "unsupported model", 12 * time.Hour, false, true, false},
		{400, `{"error":"invalid_grant"}`, 30 * time.Minute, false, false, false},
		{401, `{"error":"invalid_grant"}`, 30 * time.Minute, false, false, false},
		{401, "", 30 * time.Minute, false, false, false},
		{402, "", 30 * time.Minute, false, false, false},
		{403, "", 30 * time.Minute, false, false, false},
		{404, "gpt-x is unknown", 12 * time.Hour, false, true, false},
		{404, "", 5 * time.Minute, false, false, false},
		{429, "", time.Second, true, false, false},
		{408, "", time.Minute, false, false, false},
		{500, "", time.Minute, false, false, false},
		{502, "", time.Minute, false, false, false},
		{503, "", time.Minute, false, false, false},
		{504, "", time.Minute, false, false, false},
		{501, "", time.Minute, false, false, false},
		{529, "", time.Minute, false, false, false},
		{418, "", time.Minute, false, false, false},
		{0, "", 0, false, false, false},
		{400, "", 0, false, false, true},
		{409, "", 0, false, false, true},
		{422, "", 0, false, false, true},
	} {
		for _, disabled := range []bool{false, true} {
			for _, h := range hints {
				res := failed(row.status, row.message)
				want, source := row.wait, auth.SourceDefault
				if row.status == 429 || row.status == 404 && !row.absence {
					source = auth.SourceLadder
				}
				if h.source != "" {
					res.RetryAfter, res.HintSource = &h.given, h.source
					if row.hinted && h.blocks > 0 { // none that is not in the future
						want, source = h.blocks, h.source
					}
				}
				if disabled && !row.absence {
					want = 0
				}
				for name, success := range map[string]struct {
					started time.Duration // against the failure; the success ends a second later
					first   bool          // it ends before the failure
					lifts   bool
				}{
					"none":   {},
					"before": {-2 * time.Second, true, false},
					"late":   {-time.Second, false, false},
					"after":  {time.Second, false, true},
				} {
					what := fmt.Sprintf("%d %q, cooling off %v, hint %v, success %s", row.status, row.message, disabled, h.given, name)
					ok := auth.Result{Model: "gpt-x", Success: true, Started: now.Add(success.started)}
					var state auth.ModelState
					if success.first {
						state, _ = cooldown.Decide(state, ok, cfg, disabled, now.Add(success.started+time.Second))
					}
					state, changed := cooldown.Decide(state, res, cfg, disabled, now)
					if changed == row.neutral {
						t.Errorf("%s: changed %v", what, changed)
					}
					if success.started != 0 && !success.first {
						state, _ = cooldown.Decide(state, ok, cfg, disabled, now.Add(success.started+time.Second))
					}
					left := want
					if success.lifts {
						left = 0
					}
					wait := time.Duration(0)
					if state.Unavailable {
						wait = state.NextRetryAfter.Sub(now)
					}
					if wait != left {
						t.Errorf("%s: blocks for %v, want %v", what, wait, left)
					}
					if left > 0 && state.Source != source || left == 0 && state.Source != "" {
						t.Errorf("%s: on the word of %q, want %q", what, state.Source, source)
					}
					if probes := left > cfg.ProbeAfter; probes != (state.ProbeWait > 0) {
						t.Errorf("%s: ends in a probe: %v", what, !probes)
					}
					if left > 0 && row.hinted && h.given > 0 && state.Quota.NextRecoverAt.Sub(now) != max(h.given, time.Second) {
						t.Errorf("%s: the true reset is shown as %v", what, state.Quota.NextRecoverAt)
					}
				}
			}
		}
	}
}

// TestTheOperatorsWord: what a person switched off has no deadline, and what is
// learned meanwhile gives it none.
func TestTheOperatorsWord(t *testing.T) {
	a := &auth.Auth{Disabled: true}
	cooldown.Apply(a, failed(429, ""), cfg, false, now)
	if b := a.Block("gpt-x", now); b.Source != auth.SourceOperator || !b.Until.IsZero() || b.Reason != auth.BlockedDisabled {
		t.Errorf("%+v", b)
	}
	a.Disabled = false
	if b := a.Block("gpt-x", now); b.Source != auth.SourceLadder || b.Until.Sub(now) != time.Second {
		t.Errorf("switched on: %+v", b)
	}
}
