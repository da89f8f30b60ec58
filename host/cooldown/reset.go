package cooldown

import (
	"maps"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// Reset forgets what is held against one model of the record, or, when model is
// empty, against all of them and the credential as a whole, and reports whether
// there was anything. It is the operator's word, so that a block for a missing
// model goes too, and the ladder begins anew. What no wait ends stays: a switch
// that is off, and a login that is needed. What Apply says of ownership holds
// here too.
func Reset(a *auth.Auth, model string, now time.Time) (changed bool) {
	states := maps.Clone(a.ModelStates)
	for name, s := range states {
		if model != "" && name != auth.CanonicalModel(model) || s == nil || s.Status == auth.StatusDisabled {
			continue
		}
		changed = changed || !blank(s)
		delete(states, name)
	}
	if model == "" && (a.Unavailable || a.Quota != auth.QuotaState{} || a.Status == auth.StatusError) && !needsLogin(a) {
		changed = true
	}
	if !changed {
		return false
	}
	a.ModelStates = states
	Aggregate(a, now)
	if recoverable(a, states, now) {
		a.LastError = nil
		a.StatusMessage = ""
		a.Status = auth.StatusActive
	}
	return true
}

// blank reports whether a state says nothing against its model.
func blank(s *auth.ModelState) bool {
	return s.Status != auth.StatusError && s.StatusMessage == "" && !s.Unavailable && s.ProbeWait == 0 && s.LastError == nil && s.Quota == auth.QuotaState{}
}
