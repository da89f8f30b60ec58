package auth_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/auth"
)

func TestBlock(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	soon := now.Add(time.Minute)
	state := func(until time.Time, status int, quota bool) *auth.ModelState {
		return &auth.ModelState{Status: auth.StatusError, Unavailable: true, NextRetryAfter: until,
			LastError: &auth.Error{HTTPStatus: status}, Source: auth.SourceHeader, Quota: auth.QuotaState{Exceeded: quota, NextRecoverAt: now.Add(time.Hour)}}
	}
	states := func(model string, s *auth.ModelState) *auth.Auth {
		return &auth.Auth{ModelStates: map[string]*auth.ModelState{model: s}}
	}
	flags := &auth.Auth{Unavailable: true, NextRetryAfter: soon, LastError: &auth.Error{HTTPStatus: 503}}
	summary := flags.Clone()
	summary.ModelStates = map[string]*auth.ModelState{"other": state(soon, 429, true)}
	whole := states(auth.CredentialState, state(soon, 401, false))
	for name, c := range map[string]struct {
		a     *auth.Auth
		model string
		want  auth.Block
	}{
		"nil":                       {nil, "m", auth.Block{Reason: auth.BlockedOther}},
		"clean":                     {&auth.Auth{}, "m", auth.Block{}},
		"disabled":                  {&auth.Auth{Disabled: true}, "m", auth.Block{Reason: auth.BlockedDisabled, Source: auth.SourceOperator}},
		"status disabled":           {&auth.Auth{Status: auth.StatusDisabled}, "", auth.Block{Reason: auth.BlockedDisabled, Source: auth.SourceOperator}},
		"status error":              {&auth.Auth{Status: auth.StatusError}, "m", auth.Block{}},
		"quota":                     {states("m", state(soon, 429, true)), "m", auth.Block{Reason: auth.BlockedQuota, Until: soon, Status: 429, Source: auth.SourceHeader}},
		"other":                     {states("m", state(soon, 404, false)), "m", auth.Block{Reason: auth.BlockedOther, Until: soon, Status: 404, Source: auth.SourceHeader}},
		"with a suffix":             {states("m", state(soon, 404, false)), "m(high)", auth.Block{Reason: auth.BlockedOther, Until: soon, Status: 404, Source: auth.SourceHeader}},
		"another model":             {states("m", state(soon, 429, true)), "n", auth.Block{}},
		"over at its end":           {states("m", state(now, 429, true)), "m", auth.Block{}},
		"without a time":            {states("m", state(time.Time{}, 429, true)), "m", auth.Block{}},
		"not unavailable":           {states("m", &auth.ModelState{NextRetryAfter: soon}), "m", auth.Block{}},
		"model disabled":            {states("m", &auth.ModelState{Status: auth.StatusDisabled}), "m", auth.Block{Reason: auth.BlockedDisabled, Source: auth.SourceOperator}},
		"nil state":                 {states("m", nil), "m", auth.Block{}},
		"whole credential":          {whole, "m", auth.Block{Reason: auth.BlockedOther, Until: soon, Status: 401, Source: auth.SourceHeader}},
		"whole credential, no name": {whole, "", auth.Block{Reason: auth.BlockedOther, Until: soon, Status: 401, Source: auth.SourceHeader}},
		"flags without states":      {flags, "m", auth.Block{Reason: auth.BlockedOther, Until: soon, Status: 503}},
		"summary, other model":      {summary, "m", auth.Block{}},
		"summary, no name":          {summary, "", auth.Block{Reason: auth.BlockedOther, Until: soon, Status: 503}},
	} {
		if diff := cmp.Diff(c.want, c.a.Block(c.model, now)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}
