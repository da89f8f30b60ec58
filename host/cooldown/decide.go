// Package cooldown says what the outcome of an attempt means for the state of a
// credential, and whether a credential may be picked. It is pure: the clock is
// an argument, and nothing here writes through a pointer that it was given
// without saying so. spec: core.md section 3.
package cooldown

import (
	"net/http"
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// Reasons in QuotaState.Reason.
const (
	// ReasonQuota: the quota of one model.
	ReasonQuota = "quota"
	// ReasonCredentialQuota: the quota of every model of the credential.
	ReasonCredentialQuota = "credential_quota"
	// ReasonNotFound marks BackoffLevel as a count of 404 answers, which has
	// nothing to do with a quota.
	ReasonNotFound = "not_found"
)

// minHint is the shortest wait that a provider's hint can ask for.
const minHint = time.Second

// minForced is the shortest block that an operator's rule makes. core.md 2.9.
const minForced = time.Minute

// Decide returns the state that follows prev after res: of the model res.Model,
// or of the credential as a whole when that is empty. disabled switches cooling
// off, see Disabled; what says that a model is not there is no cooling, and
// stays. changed is false when next equals prev, so that nothing need be
// written. prev is not written to.
func Decide(prev auth.ModelState, res auth.Result, cfg settings.Cooldown, disabled bool, now time.Time) (next auth.ModelState, changed bool) {
	if prev.Status == auth.StatusDisabled {
		return prev, false
	}
	if res.Success {
		return succeed(prev, res, now)
	}
	v := judge(prev, res, cfg, now)
	if v.neutral {
		return prev, false
	}
	open := prev.Unavailable && prev.NextRetryAfter.After(now)
	if prev.HalfOpen(now) {
		v.probed(prev, cfg, now)
	}
	if disabled && !v.absence && !v.forced {
		// A missing model is the only block that outlives the switch.
		if open && absent(prev.LastError, res.Model) {
			return prev, false
		}
		v.until = time.Time{}
		v.quota = levelOf(prev.Quota)
	} else if open && !v.until.After(prev.NextRetryAfter) {
		// What was in flight when the block began adds nothing to it: a burst
		// does not climb the ladder, and no block is cut short.
		return prev, false
	}
	next = auth.ModelState{
		Status:         auth.StatusError,
		StatusMessage:  v.message,
		Unavailable:    !v.until.IsZero(),
		NextRetryAfter: v.until,
		LastError:      errorOf(res),
		Quota:          v.quota,
		UpdatedAt:      now,
	}
	if next.Unavailable {
		next.Source = v.source
		if wait := v.until.Sub(now); cfg.ProbeAfter > 0 && wait > cfg.ProbeAfter {
			next.ProbeWait = wait
		}
	}
	return next, true
}

// succeed wipes the slate, unless the attempt began before the failure that it
// would wipe away. The first success of a model is worth a state too: without
// it the summary of a record with one blocked model would count no other.
func succeed(prev auth.ModelState, res auth.Result, now time.Time) (auth.ModelState, bool) {
	clean := prev.ProbeWait == 0 && prev.Status == auth.StatusActive && prev.StatusMessage == "" &&
		!prev.Unavailable && prev.NextRetryAfter.IsZero() && prev.LastError == nil && prev.Quota == auth.QuotaState{}
	late := !res.Started.IsZero() && res.Started.Before(prev.UpdatedAt)
	if clean || late {
		return prev, false
	}
	return auth.ModelState{Status: auth.StatusActive, UpdatedAt: now}, true
}

// verdict is what a failure means, before cooling may be switched off.
type verdict struct {
	// neutral: nothing was learned of the credential.
	neutral bool
	// absence: the model is not there, which is not a matter of cooling.
	absence bool
	// forced: the operator wants a block, whatever else is said.
	forced bool
	// until is zero for no block.
	until time.Time
	// source says on whose word until is.
	source auth.Source
	// climbs: until grows with every failure by itself.
	climbs  bool
	quota   auth.QuotaState
	message string
}

func judge(prev auth.ModelState, res auth.Result, cfg settings.Cooldown, now time.Time) verdict {
	status := auth.CountsAs(res.Error.StatusCode(), codeOf(res.Error))
	v := verdict{quota: levelOf(prev.Quota), message: messageOf(res, status), source: auth.SourceDefault}
	fault := res.Error.Fault()
	switch {
	case fault == auth.FaultLifecycle, fault == auth.FaultRequest && !res.CredentialScope:
		return verdict{neutral: true}
	case absent(res.Error, res.Model):
		v.absence = true
		v.until = after(now, cfg.ModelNotFound)
	case fault == auth.FaultGrant:
		v.until = after(now, cfg.Unauthorized)
	case status == 0:
		// No answer says more about the network than about the credential.
	case status == http.StatusUnauthorized:
		v.until = after(now, cfg.Unauthorized)
	case status == http.StatusPaymentRequired, status == http.StatusForbidden:
		v.until = after(now, cfg.Forbidden)
	case status == http.StatusNotFound:
		v.notFound(prev, cfg, now)
	case status == http.StatusTooManyRequests:
		v.tooMany(prev, res, cfg, now)
	default:
		v.until = after(now, cfg.Transient)
	}
	if v.forced = codeOf(res.Error) == auth.CodeForceCooldown; v.forced && v.until.Before(now.Add(minForced)) {
		v.until, v.source = now.Add(minForced), auth.SourceOperator
	}
	return v
}

// notFound blocks four times as long with every 404 that does not name the
// model: a wrong base URL is mended sooner than a model comes back.
func (v *verdict) notFound(prev auth.ModelState, cfg settings.Cooldown, now time.Time) {
	level := 0
	if prev.Quota.Reason == ReasonNotFound {
		level = prev.Quota.BackoffLevel
	}
	d, next := climb(cfg.NotFound, cfg.ModelNotFound, 4, level)
	v.until = after(now, d)
	v.source, v.climbs = auth.SourceLadder, true
	v.quota = auth.QuotaState{Reason: ReasonNotFound, BackoffLevel: next}
}

// probed makes the wait longer after a probe that failed: twice the one before
// it, unless the wait climbs by itself, but never past the provider's own reset.
// A failure that blocks nobody blocks nobody here either: it proves nothing.
func (v *verdict) probed(prev auth.ModelState, cfg settings.Cooldown, now time.Time) {
	if v.climbs || v.until.IsZero() {
		return
	}
	twice := min(prev.ProbeWait, cfg.ProbeCap/2) * 2
	doubled := now.Add(max(twice, 0))
	reset := v.quota.NextRecoverAt
	if reset.IsZero() {
		reset = prev.Quota.NextRecoverAt
	}
	if reset.After(now) && doubled.After(reset) {
		doubled = reset
	}
	if doubled.After(v.until) {
		v.until, v.source = doubled, auth.SourceProbe
	}
}

func (v *verdict) tooMany(prev auth.ModelState, res auth.Result, cfg settings.Cooldown, now time.Time) {
	level := 0
	if prev.Quota.Reason != ReasonNotFound {
		level = prev.Quota.BackoffLevel
	}
	v.quota = auth.QuotaState{Exceeded: true, Reason: ReasonQuota, BackoffLevel: level}
	if res.CredentialScope {
		v.quota.Reason = ReasonCredentialQuota
	}
	if res.RetryAfter != nil && *res.RetryAfter > 0 {
		hint := max(*res.RetryAfter, minHint)
		v.quota.NextRecoverAt = now.Add(hint) // shown as it is, however far
		if cfg.HintCap > 0 {
			hint = min(hint, cfg.HintCap)
		}
		v.until = now.Add(hint)
		v.source = res.HintSource
		return
	}
	if prev.Unavailable && prev.Quota.Exceeded && prev.NextRetryAfter.After(now) {
		// One of a burst: the window that the first of them opened stands for all.
		v.until, v.quota = prev.NextRetryAfter, prev.Quota
		return
	}
	var d time.Duration
	d, v.quota.BackoffLevel = climb(cfg.LadderBase, cfg.LadderCap, 2, level)
	v.until = after(now, d)
	v.source, v.climbs = auth.SourceLadder, true
	v.quota.NextRecoverAt = v.until
}

// climb returns the wait at level, base·factor^level and at most top, and the
// level after it, which stays where top is reached. A level that the ladder
// does not have, as a damaged store may hold, is brought back into range. A top
// below base counts as base.
func climb(base, top time.Duration, factor int64, level int) (wait time.Duration, next int) {
	top = max(top, base)
	wait = max(base, 0)
	for n := range level {
		if int64(wait) > int64(top)/factor {
			return top, n + 1
		}
		wait *= time.Duration(factor)
	}
	level = max(level, 0)
	if wait == top {
		return top, level
	}
	return wait, level + 1
}

// after is now+d; a duration of zero or less means no block at all.
func after(now time.Time, d time.Duration) time.Time {
	if d <= 0 {
		return time.Time{}
	}
	return now.Add(d)
}

// levelOf keeps what a quota state remembers of its ladder and drops what it
// says of now: a failure of another kind is not a quota that is used up.
func levelOf(q auth.QuotaState) auth.QuotaState {
	return auth.QuotaState{Reason: q.Reason, BackoffLevel: q.BackoffLevel}
}

// absent reports whether the error says that the model is not there for this
// credential: by its kind, or by a 404 that names the model and not the path.
func absent(e *auth.Error, model string) bool {
	if model == "" || e == nil {
		return false
	}
	return e.Fault() == auth.FaultModel || e.HTTPStatus == http.StatusNotFound && names(e, model)
}

func names(e *auth.Error, model string) bool {
	return strings.Contains(strings.ToLower(e.Message), strings.ToLower(auth.CanonicalModel(model)))
}

func codeOf(e *auth.Error) string {
	if e == nil {
		return ""
	}
	return e.Code
}

// errorOf copies the error, so that the state shares nothing with the result.
func errorOf(res auth.Result) *auth.Error {
	if res.Error == nil {
		return &auth.Error{Message: "request failed"}
	}
	e := *res.Error
	return &e
}

// messageOf is the error's own message for a model, and a fixed phrase for the
// credential, whose message is shown to more people.
func messageOf(res auth.Result, status int) string {
	if res.Model != "" {
		if res.Error == nil {
			return ""
		}
		return res.Error.Message
	}
	switch status {
	case http.StatusUnauthorized:
		return "unauthorized"
	case http.StatusPaymentRequired, http.StatusForbidden:
		return "payment_required"
	case http.StatusNotFound:
		return "not_found"
	case http.StatusTooManyRequests:
		return "quota exhausted"
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return "transient upstream error"
	}
	return "request failed"
}
