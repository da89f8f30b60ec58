package host_test

import (
	"errors"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// TestOperatorsErrorRules: whether an error ends the request, and whether the
// credential is kept away, is what the operator says, even where cooling is off.
func TestOperatorsErrorRules(t *testing.T) {
	for _, c := range []struct {
		action string
		status int
		calls  []string
		wait   time.Duration
	}{
		{settings.ErrorStop, 500, []string{"a"}, 0},
		{settings.ErrorStopAndCooldown, 400, []string{"a"}, time.Minute},
		{settings.ErrorContinue, 400, []string{"a", "b"}, 0},
		{settings.ErrorContinue, 401, []string{"a", "b"}, 0},
		{settings.ErrorContinueAndCooldown, 400, []string{"a", "b"}, time.Minute},
		{settings.ErrorContinueAndCooldown, 401, []string{"a", "b"}, 30 * time.Minute},
		{settings.ErrorContinueAndCooldown, 0, []string{"a", "b"}, time.Minute},
	} {
		for _, disabled := range []bool{false, true} {
			r := newRig(t)
			fault := status(c.status)
			p := fails("p", map[string]error{"a": fault})
			r.RegisterExecutor(p)
			r.addAll("p", "a", "b")
			cool := settings.DefaultCooldown()
			cool.Disabled = disabled
			r.SetConfig(&host.Config{Cooldown: cool, Providers: map[string]settings.Provider{
				"P": {RequestScopedErrors: []settings.ErrorRule{{Status: c.status, Match: []string{"NO"}, Action: c.action}}}}})
			id, err := r.ask("m", "p")
			if stops := len(c.calls) == 1; stops && !errors.Is(err, fault) || !stops && id != "b" {
				t.Errorf("%+v: %q, %v", c, id, err)
			}
			sameList(t, c.action, p.seen(), c.calls...)
			wait := time.Duration(0)
			if s := r.state("a", "m"); s.Unavailable {
				wait = s.NextRetryAfter.Sub(r.clock.Now())
			}
			if c.wait == 0 && r.state("a", "m") != (auth.ModelState{}) {
				t.Errorf("%+v: %+v is held against it", c, r.state("a", "m"))
			}
			if wait != c.wait {
				t.Errorf("%+v, cooling off %v: kept away for %v", c, disabled, wait)
			}
		}
	}
}
