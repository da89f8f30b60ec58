package refresh

import (
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// Plan is when a credential is refreshed next. The zero Plan is never.
type Plan struct {
	// At is the latest time; the past means now. It is zero for never.
	At time.Time
	// Spread is how much earlier than At it may be, at random.
	Spread time.Duration
	// Ask says that at At somebody has to be asked (auth.RefreshEvaluator).
	Ask bool
}

// Never reports whether nothing is planned.
func (p Plan) Never() bool { return p == Plan{} }

// Next plans the refresh of a credential at now; lead is how long before expiry,
// nil when it is not refreshed for that. An API key, a credential that needs a
// login, and one without a lead, an interval of its own or a runtime that
// decides, are never refreshed. One that is switched off is, unless it or else
// cfg.SkipDisabled says otherwise: a token that dies meanwhile is lost. NextRefreshAfter holds
// everything off until then. A tenth of the lead, and at most cfg.MaxJitter, is how
// much earlier it may be, so that credentials of one login do not all come at once. spec: core.md section 6; core-decisions.md section
// 2, rows 25 and 26.
func Next(a *auth.Auth, lead *time.Duration, cfg settings.Refresh, now time.Time) Plan {
	switch {
	case a == nil, a.Kind() == auth.KindAPIKey, NeedsLogin(a):
		return Plan{}
	case a.Disabled || a.Status == auth.StatusDisabled:
		if want, ok := a.RefreshDisabledOverride(); ok && !want || !ok && cfg.SkipDisabled {
			return Plan{}
		}
	}
	p := due(a, lead, cfg.Filled().MaxJitter, now)
	if !p.Never() && a.NextRefreshAfter.After(now) && a.NextRefreshAfter.After(p.At) {
		return Plan{At: a.NextRefreshAfter, Ask: p.Ask}
	}
	return p
}

func due(a *auth.Auth, lead *time.Duration, jitter time.Duration, now time.Time) Plan {
	if _, ok := a.Runtime.(auth.RefreshEvaluator); ok {
		return Plan{At: now, Ask: true}
	}
	expires, expiring := a.ExpirationTime()
	last, refreshed := a.LastRefresh()
	if every, ok := a.RefreshInterval(); ok {
		switch {
		case !refreshed:
			return Plan{At: now}
		case expiring:
			return Plan{At: past(earlier(expires.Add(-every), last.Add(every)), now)}
		}
		return Plan{At: last.Add(every)}
	}
	switch {
	case lead == nil:
		return Plan{}
	case expiring:
		before := *lead
		// Else a lead that is longer than a token lives would mean to refresh
		// without end.
		if life := expires.Sub(a.LastRefreshedAt); !a.LastRefreshedAt.IsZero() && life > 0 {
			before = min(before, life/2)
		}
		return Plan{At: past(expires.Add(-before), now), Spread: min(before/10, jitter)}
	case refreshed:
		return Plan{At: last.Add(*lead), Spread: min(*lead/10, jitter)}
	}
	return Plan{At: now}
}

// past keeps a time that is no time (the expiry 0) from meaning never.
func past(at, now time.Time) time.Time {
	if at.IsZero() || at.Before(time.Unix(0, 0)) {
		return now
	}
	return at
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// NeedsLogin reports whether the provider takes the credential's refresh token
// no more, so that only a login helps.
func NeedsLogin(a *auth.Auth) bool {
	return a.LastError != nil && a.LastError.Code == auth.CodeNeedsLogin
}
