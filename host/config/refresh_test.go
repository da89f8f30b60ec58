package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/settings"
)

func TestRefreshLeads(t *testing.T) {
	path := file(t, "refresh: {skip_disabled: true, leads: {claude: 1h, my.own: 90s, never: 0s}}\n", 0o600)
	want := settings.DefaultRefresh()
	want.SkipDisabled = true
	want.Leads = map[string]time.Duration{"claude": time.Hour, "my.own": 90 * time.Second, "never": 0}
	if diff := cmp.Diff(want, mustLoad(t, Source{File: path}).Refresh); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range []string{"soon", "-1s", "5"} {
		if _, err := Load(Source{File: file(t, "refresh: {leads: {claude: "+bad+"}}\n", 0o600)}); err == nil {
			t.Errorf("a lead of %q is taken", bad)
		}
	}
}
