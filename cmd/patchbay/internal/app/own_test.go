package app

import (
	"maps"
	"testing"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// TestOwnWordsAreRead: what the file and the operator say of one credential is
// what the core reads, and is shown again.
func TestOwnWordsAreRead(t *testing.T) {
	declared := authOf(settings.Credential{Provider: "p", DisableCooling: new(false), RequestRetry: new(0), RefreshDisabled: new(true)})
	want := map[string]string{auth.MetaDisableCooling: "false", auth.MetaRequestRetry: "0", auth.MetaRefreshDisabled: "true"}
	if got := ownOf(declared); !maps.Equal(got, want) {
		t.Errorf("declared: %v", got)
	}
	if n, ok := declared.RequestRetryOverride(); n != 0 || !ok {
		t.Errorf("%d rounds, %v", n, ok)
	}
	if got := ownOf(authOf(settings.Credential{Provider: "p"})); len(got) != 0 {
		t.Errorf("without a word: %v", got)
	}
	set := authOf(settings.Credential{Provider: "p"})
	for _, own := range []map[string]string{want, {auth.MetaRequestRetry: "", auth.MetaDisableCooling: "", auth.MetaRefreshDisabled: ""}} {
		words, err := parseOwn(own)
		if err != nil {
			t.Fatal(err)
		}
		setOwn(set, words)
		maps.DeleteFunc(own, func(_, v string) bool { return v == "" })
		if got := ownOf(set); !maps.Equal(got, own) {
			t.Errorf("set: %v, want %v", got, own)
		}
	}
	for _, bad := range []map[string]string{
		{auth.MetaRequestRetry: "-1"}, {auth.MetaRequestRetry: "1001"}, {auth.MetaRequestRetry: "x"}, {auth.MetaRequestRetry: "1.5"},
		{auth.MetaDisableCooling: "yes"}, {auth.MetaRefreshDisabled: "1"}, {"priority": "1"},
	} {
		if _, err := parseOwn(bad); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}
