package cooldown

import (
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// Aggregate recomputes what the record says of itself from its ModelStates:
// Unavailable, NextRetryAfter and Quota. A state whose block has ended is
// replaced by one without it, never written through: only the record and its
// map must be the caller's own, the states may be shared. spec: core.md 3.5.
func Aggregate(a *auth.Auth, now time.Time) {
	var (
		quota   auth.QuotaState
		next    time.Time
		models  int
		blocked int
	)
	for model, state := range a.ModelStates {
		if state == nil {
			continue
		}
		if state.Unavailable && !state.NextRetryAfter.After(now) {
			state = lapse(state)
			a.ModelStates[model] = state
		}
		if model == auth.CredentialState {
			continue
		}
		models++
		if state.Unavailable || state.Status == auth.StatusDisabled {
			blocked++
			next = earlier(next, state.NextRetryAfter)
		}
		if state.Quota.Exceeded {
			quota.Exceeded = true
			quota.Reason = ReasonQuota
			quota.NextRecoverAt = earlier(quota.NextRecoverAt, state.Quota.NextRecoverAt)
			quota.BackoffLevel = max(quota.BackoffLevel, state.Quota.BackoffLevel)
		}
	}
	a.Unavailable = models > 0 && blocked == models
	a.NextRetryAfter = time.Time{}
	if a.Unavailable {
		a.NextRetryAfter = next
	}
	a.Quota = quota
	if whole := a.ModelStates[auth.CredentialState]; whole != nil && whole.Unavailable {
		a.Unavailable = true
		a.NextRetryAfter = whole.NextRetryAfter
		if whole.Quota.Exceeded {
			a.Quota = whole.Quota
		}
	}
}

// lapse returns the state after its block has ended. What it knows of the
// failure and of the ladder stays until a success.
func lapse(s *auth.ModelState) *auth.ModelState {
	c := s.Clone()
	c.Unavailable = false
	c.NextRetryAfter = time.Time{}
	c.Source = ""
	return c
}

// earlier returns the earlier of two times, of which zero counts as unknown.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
