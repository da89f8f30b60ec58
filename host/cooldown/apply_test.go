package cooldown_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
	"github.com/patchbay-dev/patchbay/host/settings"
)

func of(model string, res auth.Result) auth.Result { res.Model = model; return res }

func wide(res auth.Result) auth.Result { res.CredentialScope = true; return res }

func ok(model string) auth.Result { return auth.Result{Model: model, Success: true} }

func apply(a *auth.Auth, at time.Time, results ...auth.Result) {
	for _, res := range results {
		cooldown.Apply(a, res, cfg, false, at)
	}
}

func TestApplyOneModelOfTwo(t *testing.T) {
	a := &auth.Auth{Status: auth.StatusActive}
	apply(a, now, ok("m2"), of("m1(high)", hinted(time.Minute)))
	if a.Unavailable || !a.NextRetryAfter.IsZero() {
		t.Error("one model is blocked, and the whole record unavailable")
	}
	if b := cooldown.Blocked(a, "m2", now); b.Reason != auth.NotBlocked {
		t.Errorf("m2 is blocked: %+v", b)
	}
	if b := cooldown.Blocked(a, "m1", now); b.Reason != auth.BlockedQuota || !b.Until.Equal(now.Add(time.Minute)) || b.Status != 429 {
		t.Errorf("m1: %+v", b)
	}
	if !a.Quota.Exceeded || a.Status != auth.StatusError || a.LastError == nil || a.UpdatedAt != now {
		t.Errorf("%+v", a.Quota)
	}
	apply(a, now, of("m2", hinted(30*time.Second)))
	if !a.Unavailable || !a.NextRetryAfter.Equal(now.Add(30*time.Second)) {
		t.Errorf("both are blocked: %v until %s", a.Unavailable, a.NextRetryAfter)
	}
	later := now.Add(40 * time.Second)
	apply(a, later, ok("m1"))
	if a.Status != auth.StatusError || a.LastError == nil {
		t.Error("m2 has not succeeded yet, and the record is active")
	}
	apply(a, later, ok("m2"))
	if a.Status != auth.StatusActive || a.LastError != nil || a.StatusMessage != "" || a.Unavailable || a.Quota.Exceeded || !a.NextRetryAfter.IsZero() {
		t.Errorf("both have succeeded: %s %v %+v", a, a.LastError, a.Quota)
	}
}

func TestApplyOfTheWholeCredential(t *testing.T) {
	a := &auth.Auth{Status: auth.StatusActive}
	apply(a, now, wide(of("m", hinted(time.Minute))))
	for _, model := range []string{"m", "never seen", ""} {
		if b := cooldown.Blocked(a, model, now); b.Reason != auth.BlockedQuota || !b.Until.Equal(now.Add(time.Minute)) {
			t.Errorf("%q: %+v", model, b)
		}
	}
	if a.Quota.Reason != cooldown.ReasonCredentialQuota || !a.Unavailable || a.StatusMessage != "quota exhausted" {
		t.Errorf("%+v %v %q", a.Quota, a.Unavailable, a.StatusMessage)
	}
	apply(a, now, ok("m"))
	if cooldown.Blocked(a, "m", now).Reason != auth.BlockedQuota {
		t.Error("a success of one model lifts the quota of all")
	}
	end := now.Add(time.Minute)
	if cooldown.Blocked(a, "m", end).Reason != auth.NotBlocked {
		t.Error("the block outlives its time")
	}
	apply(a, end, of("m", failed(500, "")))
	if a.Quota.Exceeded || !a.NextRetryAfter.Equal(end.Add(time.Minute)) {
		t.Errorf("the quota that is over still shows: %+v", a.Quota)
	}
	apply(a, end, ok("m"))
	if _, kept := a.ModelStates[auth.CredentialState]; kept || a.Status != auth.StatusActive {
		t.Errorf("after a success: %v, %s", a.ModelStates, a.Status)
	}

	a = &auth.Auth{Status: auth.StatusActive}
	apply(a, now, of("m", failed(500, "")), of("", failed(401, "")))
	if b := cooldown.Blocked(a, "other", now); b.Status != 401 || b.Reason != auth.BlockedOther {
		t.Errorf("an outcome without a model: %+v", b)
	}
	apply(a, now, ok(""))
	if cooldown.Blocked(a, "other", now).Reason != auth.NotBlocked || cooldown.Blocked(a, "m", now).Status != 500 {
		t.Error("a success without a model clears the credential, and only that")
	}
}

func TestApplyChangesNothing(t *testing.T) {
	for name, res := range map[string]auth.Result{
		"clean success": ok("m"), "fault of the request": of("m", failed(400, "")), "client gone": of("m", coded(0, auth.CodeConnectionLifecycle)),
	} {
		a := &auth.Auth{ID: "x", Status: auth.StatusActive}
		apply(a, now, ok("m"))
		before := a.Clone()
		if cooldown.Apply(a, res, cfg, false, now) {
			t.Errorf("%s: changed", name)
		}
		if diff := cmp.Diff(before, a); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	a := &auth.Auth{Status: auth.StatusError, LastError: &auth.Error{Code: auth.CodeNeedsLogin}}
	apply(a, now, ok("m"))
	if cooldown.Apply(a, ok("m"), cfg, false, now) || a.LastError == nil {
		t.Error("a success hides that a login is needed")
	}
	apply(a, now, of("m", failed(500, "")), ok("m"))
	if a.LastError == nil || a.LastError.Code != auth.CodeNeedsLogin || a.Status != auth.StatusError {
		t.Error("a failure and a success hide that a login is needed")
	}
	off := &auth.Auth{Status: auth.StatusDisabled}
	apply(off, now, of("m", failed(500, "")), ok("m"))
	if off.Status != auth.StatusDisabled {
		t.Error("an outcome switched a credential on")
	}
}

func TestApplyClearsFlagsOfALoadedRecord(t *testing.T) {
	a := &auth.Auth{Status: auth.StatusError, Unavailable: true, NextRetryAfter: now.Add(time.Hour), LastError: &auth.Error{HTTPStatus: 500}}
	if cooldown.Blocked(a, "m", now).Reason != auth.BlockedOther {
		t.Error("the flags of a loaded record count for nothing")
	}
	if !cooldown.Apply(a, ok("m"), cfg, false, now) || a.Status != auth.StatusActive || a.Unavailable || a.LastError != nil {
		t.Errorf("after a success: %s, %v", a, a.Unavailable)
	}
}

func TestLift(t *testing.T) {
	a := &auth.Auth{Status: auth.StatusActive}
	apply(a, now, of("quota", hinted(time.Hour)), of("gone", failed(404, "no model gone")), of("", failed(401, "")))
	if !cooldown.Lift(a, now) {
		t.Error("nothing was lifted")
	}
	for model, want := range map[string]auth.BlockReason{"quota": auth.NotBlocked, "gone": auth.BlockedOther, "new": auth.NotBlocked} {
		if b := cooldown.Blocked(a, model, now); b.Reason != want {
			t.Errorf("%s: %+v", model, b)
		}
	}
	if a.Quota.Exceeded || a.Unavailable || cooldown.Lift(a, now) {
		t.Errorf("%+v, %v", a.Quota, a.Unavailable)
	}
	flags := &auth.Auth{Unavailable: true, NextRetryAfter: now.Add(time.Hour)}
	if !cooldown.Lift(flags, now) || flags.Unavailable {
		t.Error("the flags of a loaded record stay")
	}
}

func TestDisabled(t *testing.T) {
	word := func(v any) *auth.Auth { return &auth.Auth{Metadata: map[string]any{"disable_cooling": v}} }
	off := settings.Cooldown{Disabled: true}
	for name, c := range map[string]struct {
		a        *auth.Auth
		provider any // bool, nil for no word
		cfg      settings.Cooldown
		global   bool
		want     bool
	}{
		"nobody says so":                {&auth.Auth{}, nil, settings.Cooldown{}, false, false},
		"the global switch":             {&auth.Auth{}, nil, settings.Cooldown{}, true, true},
		"the configuration":             {&auth.Auth{}, nil, off, false, true},
		"the provider":                  {&auth.Auth{}, true, settings.Cooldown{}, false, true},
		"the provider's no, global":     {&auth.Auth{}, false, settings.Cooldown{}, true, false},
		"the provider's no, config":     {&auth.Auth{}, false, off, false, false},
		"the credential":                {word(true), nil, settings.Cooldown{}, false, true},
		"the credential, not provider":  {word(true), false, settings.Cooldown{}, false, true},
		"the credential's no, provider": {word(false), true, off, true, false},
		"the credential's no, global":   {word(false), nil, settings.Cooldown{}, true, false},
		"the credential's no, config":   {word("false"), nil, off, true, false},
		"a word that nobody can parse":  {word("perhaps"), nil, off, false, true},
	} {
		var providers map[string]bool
		if said, ok := c.provider.(bool); ok {
			providers = map[string]bool{"p": said}
			c.a.Provider = " P"
		}
		if got := cooldown.Disabled(c.a, providers, c.cfg, c.global); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestApplyProperties runs random outcomes against what must always hold.
func TestApplyProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, at := &auth.Auth{Status: auth.StatusActive}, now
		models := []string{"m1", "m2", "m3", ""}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			// Never twice in one instant: the same outcome then leaves no difference.
			at = at.Add(time.Duration(rapid.IntRange(1, 4000).Draw(t, "seconds")) * time.Second)
			res := auth.Result{
				Model:           rapid.SampledFrom(models).Draw(t, "model"),
				Success:         rapid.Bool().Draw(t, "success"),
				CredentialScope: rapid.IntRange(0, 5).Draw(t, "scope") == 0,
				Started:         at.Add(-time.Duration(rapid.IntRange(0, 100).Draw(t, "ago")) * time.Second),
			}
			if !res.Success {
				res.Error = &auth.Error{HTTPStatus: rapid.SampledFrom([]int{0, 400, 401, 404, 429, 500, 529}).Draw(t, "status")}
				if rapid.Bool().Draw(t, "hint") {
					d := time.Duration(rapid.IntRange(-1, 9000).Draw(t, "wait")) * time.Second
					res.RetryAfter = &d
				}
			}
			disabled := rapid.IntRange(0, 9).Draw(t, "off") == 0
			shared := *a // a shallow copy that others still read
			before := a.Clone()
			changed := cooldown.Apply(a, res, cfg, disabled, at)
			if diff := cmp.Diff(before.ModelStates, shared.ModelStates); diff != "" {
				t.Fatalf("Apply wrote through:\n%s", diff)
			}
			if diff := cmp.Diff(before, a); (diff != "") != changed {
				t.Fatalf("changed is %v:\n%s", changed, diff)
			}
			checkRecord(t, a, before, res, at)
		}
		far := at.Add(13 * time.Hour)
		for _, model := range models {
			if b := cooldown.Blocked(a, model, far); b.Reason != auth.NotBlocked {
				t.Fatalf("%q never comes back: %+v", model, b)
			}
		}
	})
}

func checkRecord(t *rapid.T, a, before *auth.Auth, res auth.Result, at time.Time) {
	again := a.Clone()
	cooldown.Aggregate(again, at)
	if diff := cmp.Diff(a, again); diff != "" && len(a.ModelStates) > 0 && a.UpdatedAt.Equal(at) {
		t.Fatalf("aggregating twice differs:\n%s", diff)
	}
	for model, s := range a.ModelStates {
		if level := s.Quota.BackoffLevel; level < 0 || level > 11 {
			t.Fatalf("level %d", level)
		}
		if s.NextRetryAfter.After(at.Add(12 * time.Hour)) {
			t.Fatalf("%q is blocked until %s", model, s.NextRetryAfter)
		}
		old := before.ModelStates[model]
		if old == nil || !old.Unavailable || !old.NextRetryAfter.After(at) {
			continue
		}
		if res.Success && res.Started.Before(old.UpdatedAt) && !s.NextRetryAfter.Equal(old.NextRetryAfter) {
			t.Fatalf("a late success changed the block of %q", model)
		}
	}
	if a.Unavailable {
		for _, model := range []string{"m1", "m2", "m3"} {
			if a.ModelStates[model] != nil && a.UpdatedAt.Equal(at) && cooldown.Blocked(a, model, at).Reason == auth.NotBlocked {
				t.Fatalf("the record is unavailable, %s is not: %s", model, fmt.Sprint(a.ModelStates[model]))
			}
		}
	}
}
