package retry_test

import (
	"errors"
	"testing"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/retry"
	"github.com/patchbay-dev/patchbay/host/settings"
)

func TestRules(t *testing.T) {
	rules, err := retry.CompileRules([]settings.ErrorRule{
		{Status: 400, Match: []string{"Not Today", "other"}, Action: settings.ErrorContinue},
		{Status: 400, MatchRegex: []string{`^\{.*"quota"`}, Action: settings.ErrorContinueAndCooldown},
		{Status: 403, Action: settings.ErrorStop},
		{Status: 500, Match: []string{"bad prompt"}, Action: settings.ErrorStopAndCooldown},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		err                  executor.UpstreamError
		ruled, request, over bool
		code                 string
	}{
		"text":            {executor.UpstreamError{Status: 400, Message: "sorry, not today"}, true, false, true, auth.CodeRequestScoped},
		"pattern":         {executor.UpstreamError{Status: 400, Body: []byte(`{"why":"quota"}`)}, true, false, true, auth.CodeForceCooldown},
		"status alone":    {executor.UpstreamError{Status: 403, Message: "no"}, true, true, false, auth.CodeRequestScoped},
		"stop and cool":   {executor.UpstreamError{Status: 500, Message: "a BAD prompt"}, true, true, false, auth.CodeForceCooldown},
		"another status":  {executor.UpstreamError{Status: 429, Message: "not today"}, false, false, true, ""},
		"another text":    {executor.UpstreamError{Status: 400, Message: "invalid"}, false, true, false, auth.CodeRequestScoped},
		"the body counts": {executor.UpstreamError{Status: 500, Message: "bad prompt", Body: []byte("{}")}, false, false, true, ""},
	} {
		got := rules.Apply(&c.err)
		var ruled *retry.Ruled
		result, _, _ := retry.ResultOf(got)
		if errors.As(got, &ruled) != c.ruled || retry.RequestFault(got) != c.request || retry.Failover(got) != c.over || result.Code != c.code || !errors.Is(got, &c.err) {
			t.Errorf("%s: ruled %v, request %v, over %v, code %q", name, ruled != nil, retry.RequestFault(got), retry.Failover(got), result.Code)
		}
	}
	if got := (*retry.Rules)(nil).Apply(errors.ErrUnsupported); got != errors.ErrUnsupported { //nolint:errorlint // it must be the same
		t.Error(got)
	}
}

func TestRulesThatCannotBeUnderstood(t *testing.T) {
	for _, r := range []settings.ErrorRule{{Action: "dance"}, {Action: settings.ErrorStop, MatchRegex: []string{"("}}} {
		if _, err := retry.CompileRules([]settings.ErrorRule{r}); err == nil {
			t.Errorf("%+v was taken", r)
		}
	}
}
