package host

import (
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
)

// merge makes of a given record, which it changes, what an update of the
// present one publishes. spec: core.md 8.
func merge(given, old *auth.Auth, now time.Time) {
	if given.Index == "" {
		given.Index = old.Index
	}
	if given.CreatedAt.IsZero() {
		given.CreatedAt = old.CreatedAt
	}
	if given.Runtime == nil {
		given.Runtime = old.Runtime
	}
	switch {
	case off(old) && !off(given):
		forget(given)
	case !off(old) && !off(given):
		inherit(given, old, now)
	}
}

func off(a *auth.Auth) bool { return a.Disabled || a.Status == auth.StatusDisabled }

// forget clears what was learned of a credential's health.
func forget(a *auth.Auth) {
	a.ModelStates = nil
	a.Unavailable = false
	a.NextRetryAfter = time.Time{}
	a.Quota = auth.QuotaState{}
	a.LastError = nil
	a.StatusMessage = ""
	if a.Status == auth.StatusError {
		a.Status = auth.StatusActive
	}
}

// inherit takes over the states that the given record cannot know of: all when
// it has none, else those that changed after it was read.
func inherit(given, old *auth.Auth, now time.Time) {
	none := len(given.ModelStates) == 0
	takeStates(given, old, now, func(_ string, state *auth.ModelState) bool {
		return none || !given.UpdatedAt.IsZero() && state.UpdatedAt.After(given.UpdatedAt)
	})
}

// catchUp takes over what was learned between two records.
func catchUp(given, from, to *auth.Auth, now time.Time) (learned bool) {
	if off(given) || off(to) {
		return false
	}
	return takeStates(given, to, now, func(model string, state *auth.ModelState) bool {
		return state != from.ModelStates[model]
	})
}

func takeStates(given, old *auth.Auth, now time.Time, wanted func(string, *auth.ModelState) bool) (took bool) {
	for model, state := range old.ModelStates {
		if state == nil || !wanted(model, state) {
			continue
		}
		if given.ModelStates == nil {
			given.ModelStates = map[string]*auth.ModelState{}
		}
		given.ModelStates[model] = state.Clone()
		took = true
	}
	if took {
		cooldown.Aggregate(given, now)
	}
	return took
}
