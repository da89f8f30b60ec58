package cooldown_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
)

// TestEveryFailureInEverySetting crosses every row of core.md 3.1 with cooling
// on and off, with and without a hint, and with a success that began before the
// block, ended before it, or comes after it: the wait that must follow.
func TestEveryFailureInEverySetting(t *testing.T) {
	const hint = 42 * time.Second
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
			for _, withHint := range []bool{false, true} {
				res := failed(row.status, row.message)
				want := row.wait
				if withHint {
					d := hint
					res.RetryAfter = &d
					if row.hinted {
						want = hint
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
					what := fmt.Sprintf("%d %q, cooling off %v, hint %v, success %s", row.status, row.message, disabled, withHint, name)
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
				}
			}
		}
	}
}
