package cooldown_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
	"github.com/patchbay-dev/patchbay/host/settings"
)

var (
	cfg = settings.DefaultCooldown()
	now = time.Unix(1_700_000_000, 0).UTC()
)

func failed(status int, message string) auth.Result {
	return auth.Result{AuthID: "a", Model: "gpt-x", Error: &auth.Error{HTTPStatus: status, Message: message}}
}

func coded(status int, code string) auth.Result {
	r := failed(status, "m")
	r.Error.Code = code
	return r
}

func hinted(d time.Duration) auth.Result {
	r := failed(429, "slow down")
	r.RetryAfter, r.HintSource = &d, auth.SourceBody
	return r
}

// TestDecideFailure has a row for every outcome, on a state without history.
func TestDecideFailure(t *testing.T) {
	const none = time.Duration(0)
	type want struct {
		block    time.Duration
		disabled time.Duration // with cooling off
		quota    auth.QuotaState
	}
	cools := func(d time.Duration) want { return want{block: d} }
	stays := func(d time.Duration) want { return want{block: d, disabled: d} }
	quota := func(block, recover time.Duration, level int) want {
		return want{block: block, quota: auth.QuotaState{
			Exceeded: true, Reason: cooldown.ReasonQuota, NextRecoverAt: now.Add(recover), BackoffLevel: level}}
	}
	notFound := cools(5 * time.Minute)
	notFound.quota = auth.QuotaState{Reason: cooldown.ReasonNotFound, BackoffLevel: 1}
	for name, c := range map[string]struct {
		res  auth.Result
		want want
	}{
		"no answer":                  {failed(0, "dial: refused"), cools(none)},
		"no error at all":            {auth.Result{Model: "gpt-x"}, cools(none)},
		"empty stream":               {coded(0, auth.CodeEmptyStream), cools(none)},
		"401":                        {failed(401, "bad key"), cools(30 * time.Minute)},
		"402":                        {failed(402, "pay"), cools(30 * time.Minute)},
		"403":                        {failed(403, "no"), cools(30 * time.Minute)},
		"invalid_grant on 400":       {failed(400, `{"error":"invalid_grant"}`), cools(30 * time.Minute)},
		"invalid_grant on 401":       {failed(401, "invalid_grant"), cools(30 * time.Minute)},
		"a key refused with 400":     {coded(400, "auth_invalid"), cools(30 * time.Minute)},
		"no credit, with 400":        {coded(400, "billing"), cools(30 * time.Minute)},
		"404 of the path":            {failed(404, "page not found"), notFound},
		"404 of the model":           {failed(404, "The model `GPT-X` does not exist"), stays(12 * time.Hour)},
		"404 with a code":            {coded(404, auth.CodeModelNotFound), stays(12 * time.Hour)},
		"model-support on 400":       {failed(400, "requested model is not supported"), stays(12 * time.Hour)},
		"model-support on 422":       {failed(422, "Unsupported model"), stays(12 * time.Hour)},
		"408":                        {failed(408, ""), cools(time.Minute)},
		"500":                        {failed(500, ""), cools(time.Minute)},
		"501":                        {failed(501, ""), cools(time.Minute)},
		"502":                        {failed(502, ""), cools(time.Minute)},
		"503":                        {failed(503, ""), cools(time.Minute)},
		"504":                        {failed(504, ""), cools(time.Minute)},
		"529":                        {failed(529, ""), cools(time.Minute)},
		"418":                        {failed(418, ""), cools(time.Minute)},
		"200 that failed":            {failed(200, ""), cools(time.Minute)},
		"a status with EOF in words": {failed(502, "unexpected EOF"), cools(time.Minute)},
		"overloaded in a 200":        {coded(200, "overloaded"), cools(time.Minute)},
		"429":                        {failed(429, ""), quota(time.Second, time.Second, 1)},
		"429 in a 200":               {coded(200, "rate_limited"), quota(time.Second, time.Second, 1)},
		"429 with a hint":            {hinted(42 * time.Second), quota(42*time.Second, 42*time.Second, 0)},
		"429, an hour":               {hinted(time.Hour), quota(time.Hour, time.Hour, 0)},
		"429, a week":                {hinted(168 * time.Hour), quota(time.Hour, 168*time.Hour, 0)},
		"429, 1 ms":                  {hinted(time.Millisecond), quota(time.Second, time.Second, 0)},
		"429, no wait":               {hinted(0), quota(time.Second, time.Second, 1)},
		"429, negative":              {hinted(-time.Second), quota(time.Second, time.Second, 1)},
	} {
		for _, disabled := range []bool{false, true} {
			next, changed := cooldown.Decide(auth.ModelState{}, c.res, cfg, disabled, now)
			block, wantQuota := c.want.block, c.want.quota
			if disabled {
				block = c.want.disabled
				wantQuota = auth.QuotaState{}
			}
			want := auth.ModelState{
				Status: auth.StatusError, LastError: c.res.Error, Unavailable: block > 0, UpdatedAt: now, Quota: wantQuota,
			}
			if block > 0 {
				want.NextRetryAfter = now.Add(block)
				want.Source = auth.SourceDefault
				if wantQuota.BackoffLevel > 0 {
					want.Source = auth.SourceLadder
				} else if c.res.RetryAfter != nil {
					want.Source = auth.SourceBody
				}
			}
			if block > 5*time.Minute {
				want.ProbeWait = block
			}
			if c.res.Error == nil {
				want.LastError = &auth.Error{Message: "request failed"}
			} else {
				want.StatusMessage = c.res.Error.Message
			}
			if diff := cmp.Diff(want, next); diff != "" || !changed {
				t.Errorf("%s, cooling off %v: changed %v\n%s", name, disabled, changed, diff)
			}
			if c.res.Error != nil && next.LastError == c.res.Error {
				t.Errorf("%s: the state shares its error with the result", name)
			}
		}
	}
}

// TestDecideNeutral: what is no fault of the credential leaves no trace, on a
// clean state and on one with history.
func TestDecideNeutral(t *testing.T) {
	history := auth.ModelState{Status: auth.StatusError, Unavailable: true, NextRetryAfter: now.Add(time.Second),
		LastError: &auth.Error{HTTPStatus: 500}, UpdatedAt: now.Add(-time.Second)}
	for name, res := range map[string]auth.Result{
		"400":                    failed(400, "bad"),
		"409":                    failed(409, ""),
		"413":                    failed(413, ""),
		"422":                    failed(422, ""),
		"a fault of the request": coded(500, auth.CodeRequestScoped),
		"prompt too long":        coded(500, "context_length"),
		"not persisted":          failed(404, "Item with id 'x' not found. Items are not persisted when `store` is set to false."),
		"client gone":            coded(0, auth.CodeConnectionLifecycle),
		"a clean success":        {Model: "gpt-x", Success: true},
	} {
		for _, prev := range []auth.ModelState{{}, {Status: auth.StatusActive, UpdatedAt: now}, history} {
			if res.Success && prev.Status != auth.StatusActive {
				continue
			}
			next, changed := cooldown.Decide(prev, res, cfg, false, now)
			if diff := cmp.Diff(prev, next); diff != "" || changed {
				t.Errorf("%s: changed %v\n%s", name, changed, diff)
			}
		}
	}
	off := auth.ModelState{Status: auth.StatusDisabled}
	for _, res := range []auth.Result{failed(500, ""), {Success: true}} {
		if next, changed := cooldown.Decide(off, res, cfg, false, now); changed || next.Status != auth.StatusDisabled {
			t.Error("a model that is switched off changed")
		}
	}
}

func TestDecideLadder(t *testing.T) {
	var state auth.ModelState
	at := now
	for i, want := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1800, 1800, 1800} {
		state, _ = cooldown.Decide(state, failed(429, ""), cfg, false, at)
		if got := state.NextRetryAfter.Sub(at); got != time.Duration(want)*time.Second || state.Quota.BackoffLevel != min(i+1, 11) {
			t.Errorf("429 number %d blocks for %s at level %d, want %d s", i+1, got, state.Quota.BackoffLevel, want)
		}
		at = state.NextRetryAfter
	}
	state, _ = cooldown.Decide(state, auth.Result{Success: true}, cfg, false, at)
	state, _ = cooldown.Decide(state, failed(429, ""), cfg, false, at)
	if got := state.NextRetryAfter.Sub(at); got != time.Second {
		t.Errorf("after a success the ladder begins with %s", got)
	}
	for level, want := range map[int]time.Duration{-3: time.Second, 12: 30 * time.Minute, 34: 30 * time.Minute, 1 << 40: 30 * time.Minute} {
		damaged := auth.ModelState{Quota: auth.QuotaState{Reason: cooldown.ReasonQuota, BackoffLevel: level}}
		next, _ := cooldown.Decide(damaged, failed(429, ""), cfg, false, now)
		if got := next.NextRetryAfter.Sub(now); got != want || next.Quota.BackoffLevel > 11 {
			t.Errorf("level %d: %s, then level %d", level, got, next.Quota.BackoffLevel)
		}
	}
}

func TestDecideNotFoundLadder(t *testing.T) {
	var state auth.ModelState
	at := now
	for i, want := range []time.Duration{5 * time.Minute, 20 * time.Minute, 80 * time.Minute, 320 * time.Minute, 12 * time.Hour, 12 * time.Hour} {
		state, _ = cooldown.Decide(state, failed(404, ""), cfg, false, at)
		if got := state.NextRetryAfter.Sub(at); got != want {
			t.Errorf("404 number %d blocks for %s, want %s", i+1, got, want)
		}
		at = state.NextRetryAfter
	}
	if state, _ = cooldown.Decide(state, failed(429, ""), cfg, false, at); state.NextRetryAfter.Sub(at) != time.Second {
		t.Error("a 429 climbs on where the 404 stopped")
	}
}

func TestDecideInsideABlock(t *testing.T) {
	block := func(status int, d time.Duration) auth.ModelState {
		s, _ := cooldown.Decide(auth.ModelState{}, failed(status, "gone"), cfg, false, now)
		s.NextRetryAfter = now.Add(d)
		return s
	}
	for name, c := range map[string]struct {
		prev    auth.ModelState
		res     auth.Result
		changed bool
	}{
		"a burst of 429 escalates once":   {block(429, time.Second), failed(429, ""), false},
		"a 500 does not shorten a 401":    {block(401, 30*time.Minute), failed(500, ""), false},
		"no answer does not lift a block": {block(500, time.Minute), failed(0, ""), false},
		"a shorter hint is ignored":       {block(429, time.Minute), hinted(30 * time.Second), false},
		"a longer hint counts":            {block(429, time.Minute), hinted(90 * time.Second), true},
		"a 401 outlasts a 429":            {block(429, time.Second), failed(401, ""), true},
	} {
		next, changed := cooldown.Decide(c.prev, c.res, cfg, false, now)
		if changed != c.changed || next.NextRetryAfter.Before(c.prev.NextRetryAfter) {
			t.Errorf("%s: changed %v, until %s", name, changed, next.NextRetryAfter)
		}
	}
	if next, _ := cooldown.Decide(block(429, time.Second), failed(401, ""), cfg, false, now); next.Quota.Exceeded || next.Quota.BackoffLevel != 1 {
		t.Errorf("a 401 after a 429 keeps %+v; it is no quota, and the ladder is remembered", next.Quota)
	}
	missing, _ := cooldown.Decide(auth.ModelState{}, failed(404, "no gpt-x"), cfg, true, now)
	if _, changed := cooldown.Decide(missing, failed(500, ""), cfg, true, now); changed {
		t.Error("with cooling off, a 500 lifts the block of a missing model")
	}
}

func TestDecideSuccess(t *testing.T) {
	blocked, _ := cooldown.Decide(auth.ModelState{}, hinted(time.Hour), cfg, false, now)
	clean := auth.ModelState{Status: auth.StatusActive, UpdatedAt: now.Add(time.Minute)}
	for name, c := range map[string]struct {
		started time.Time
		lifts   bool
	}{
		"unknown start":           {time.Time{}, true},
		"began before the block":  {now.Add(-time.Nanosecond), false},
		"began with the block":    {now, true},
		"began after the block":   {now.Add(time.Second), true},
		"began long before, late": {now.Add(-time.Hour), false},
	} {
		next, changed := cooldown.Decide(blocked, auth.Result{Success: true, Started: c.started}, cfg, false, now.Add(time.Minute))
		want := blocked
		if c.lifts {
			want = clean
		}
		if diff := cmp.Diff(want, next); diff != "" || changed != c.lifts {
			t.Errorf("%s: changed %v\n%s", name, changed, diff)
		}
	}
}

func TestDecideOfTheCredential(t *testing.T) {
	for status, want := range map[int]string{
		401: "unauthorized", 402: "payment_required", 403: "payment_required", 404: "not_found", 429: "quota exhausted",
		500: "transient upstream error", 408: "transient upstream error", 0: "request failed", 418: "request failed",
	} {
		res := failed(status, "gpt-x with details")
		res.Model = ""
		next, _ := cooldown.Decide(auth.ModelState{}, res, cfg, false, now)
		if next.StatusMessage != want {
			t.Errorf("%d: %q, want %q", status, next.StatusMessage, want)
		}
	}
	res := failed(404, "gpt-x")
	res.Model = ""
	if next, _ := cooldown.Decide(auth.ModelState{}, res, cfg, false, now); next.NextRetryAfter.Sub(now) != 5*time.Minute {
		t.Error("a 404 without a model counts as a missing model")
	}
	wide := hinted(time.Minute)
	wide.Model, wide.CredentialScope = "", true
	if next, _ := cooldown.Decide(auth.ModelState{}, wide, cfg, false, now); next.Quota.Reason != cooldown.ReasonCredentialQuota {
		t.Errorf("%+v", next.Quota)
	}
	bad := failed(400, "credit balance")
	bad.CredentialScope = true
	if next, changed := cooldown.Decide(auth.ModelState{}, bad, cfg, false, now); !changed || !next.Unavailable {
		t.Error("a 400 that the provider calls a fault of the credential changed nothing")
	}
}

func TestZeroSettingsBlockNothing(t *testing.T) {
	for _, status := range []int{401, 403, 404, 429, 500} {
		next, _ := cooldown.Decide(auth.ModelState{}, failed(status, ""), settings.Cooldown{}, false, now)
		if next.Unavailable || !next.NextRetryAfter.IsZero() {
			t.Errorf("%d: %+v", status, next)
		}
	}
	if next, _ := cooldown.Decide(auth.ModelState{}, hinted(1000*time.Hour), settings.Cooldown{}, false, now); next.NextRetryAfter.Sub(now) != 1000*time.Hour {
		t.Error("a cap of 0 is no cap")
	}
}
