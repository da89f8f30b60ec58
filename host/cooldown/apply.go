package cooldown

import (
	"maps"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// Apply writes an outcome into the record: it decides, replaces the state of
// the model, or of the credential as a whole when the outcome is about all of
// it, and recomputes the record's own fields. It reports whether anything
// changed; nothing is written if not. The record must be the caller's own, but
// its map is replaced and its states are not written through, so that a shallow
// copy will do. spec: core.md 3.1 to 3.5.
func Apply(a *auth.Auth, res auth.Result, cfg settings.Cooldown, disabled bool, now time.Time) (changed bool) {
	res.Model = auth.CanonicalModel(res.Model)
	if !res.Success && res.CredentialScope {
		res.Model = auth.CredentialState
	}
	var next auth.ModelState
	if !res.Success || res.Model != auth.CredentialState {
		next, changed = Decide(stateOf(a.ModelStates, res.Model), res, cfg, disabled, now)
	}
	settled := res.Success && settles(a.ModelStates[auth.CredentialState], res, cfg, now)
	// Nothing is copied for the common case, a success on a clean record.
	if !changed && !settled && !(res.Success && recoverable(a, a.ModelStates, now)) {
		return false
	}
	states := make(map[string]*auth.ModelState, len(a.ModelStates)+1)
	maps.Copy(states, a.ModelStates)
	if changed {
		states[res.Model] = &next
	}
	if settled {
		delete(states, auth.CredentialState)
	}
	a.ModelStates = states
	a.UpdatedAt = now
	Aggregate(a, now)
	switch {
	case !res.Success:
		fail(a, &next)
	case recoverable(a, states, now):
		a.LastError = nil
		a.StatusMessage = ""
		if a.Status != auth.StatusRefreshing {
			a.Status = auth.StatusActive
		}
	}
	return true
}

func stateOf(states map[string]*auth.ModelState, model string) auth.ModelState {
	if s := states[model]; s != nil {
		return *s
	}
	return auth.ModelState{}
}

// settles reports whether a success ends what is known against the credential
// as a whole. A quota of all models that is still used up goes on: some requests
// get through that.
func settles(whole *auth.ModelState, res auth.Result, cfg settings.Cooldown, now time.Time) bool {
	if whole == nil {
		return false
	}
	if res.Model != auth.CredentialState && whole.Quota.Exceeded && whole.Unavailable && whole.NextRetryAfter.After(now) {
		return false
	}
	after, _ := Decide(*whole, res, cfg, false, now)
	return after.Status == auth.StatusActive
}

// recoverable reports whether the record shows a failure that nothing stands
// behind any more. A credential that needs a login keeps saying so, since only
// a login ends that.
func recoverable(a *auth.Auth, states map[string]*auth.ModelState, now time.Time) bool {
	if a.Disabled || a.Status == auth.StatusDisabled || needsLogin(a) {
		return false
	}
	if a.Status != auth.StatusError && a.LastError == nil && a.StatusMessage == "" && !a.Unavailable && !a.Quota.Exceeded {
		return false
	}
	for _, s := range states {
		if s == nil {
			continue
		}
		active := s.Unavailable && s.NextRetryAfter.After(now)
		if s.LastError != nil || s.Status == auth.StatusError && active {
			return false
		}
	}
	return true
}

func needsLogin(a *auth.Auth) bool {
	return a.LastError != nil && a.LastError.Code == auth.CodeNeedsLogin
}

func fail(a *auth.Auth, s *auth.ModelState) {
	if a.Status != auth.StatusDisabled {
		a.Status = auth.StatusError
	}
	if needsLogin(a) {
		return
	}
	a.LastError = s.Clone().LastError
	a.StatusMessage = s.StatusMessage
}

// Lift removes from the record every block that is a matter of cooling, for a
// credential whose cooling was just switched off, and reports whether there
// was one. Blocks for a missing model stay. What Apply says of ownership holds
// here too.
func Lift(a *auth.Auth, now time.Time) (changed bool) {
	states := maps.Clone(a.ModelStates)
	for model, s := range states {
		if s == nil || !s.Unavailable && s.ProbeWait == 0 || absent(s.LastError, model) {
			continue
		}
		c := lapse(s)
		c.ProbeWait = 0
		c.Quota = levelOf(c.Quota)
		states[model] = c
		changed = true
	}
	if len(states) == 0 && a.Unavailable {
		changed = true
	}
	if changed {
		a.ModelStates = states
		Aggregate(a, now)
	}
	return changed
}
