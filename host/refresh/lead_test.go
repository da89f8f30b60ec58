package refresh_test

import (
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/refresh"
)

// own is anything that has a lead of its own.
type own struct{ lead *time.Duration }

func (o own) RefreshLead() *time.Duration { return o.lead }

func of(d time.Duration) *time.Duration { return &d }

func sameLead(t *testing.T, what string, got *time.Duration, want time.Duration) {
	t.Helper()
	if got == nil && want == 0 {
		return
	}
	if got == nil || *got != want {
		t.Errorf("%s: lead %v, want %v", what, got, want)
	}
}

func TestLeadsThatShip(t *testing.T) {
	for provider, want := range map[string]time.Duration{
		"claude": 4 * time.Hour, "codex": 120 * time.Hour, "antigravity": 5 * time.Minute, "kimi": 5 * time.Minute,
		"qwen": 3 * time.Hour, "iflow": 24 * time.Hour, " Claude ": 4 * time.Hour, "gemini": 0, "gemini-cli": 0, "": 0, "x": 0,
	} {
		sameLead(t, provider, refresh.ProviderRefreshLead(provider, nil), want)
	}
}

func TestRegisteredLeads(t *testing.T) {
	lead := func() *time.Duration { return of(time.Minute) }
	refresh.RegisterRefreshLeadProvider(" Registered-A ", lead)
	sameLead(t, "registered", refresh.ProviderRefreshLead("registered-a", nil), time.Minute)
	refresh.RegisterRefreshLeadProvider("registered-a", nil)
	refresh.RegisterRefreshLeadProvider("", lead)
	sameLead(t, "after nothing", refresh.ProviderRefreshLead("REGISTERED-A", nil), time.Minute)
	sameLead(t, "of nobody", refresh.ProviderRefreshLead("", nil), 0)
	refresh.RegisterRefreshLeadProvider("registered-a", func() *time.Duration { return of(-1) })
	sameLead(t, "the last word counts", refresh.ProviderRefreshLead("registered-a", nil), 0)
}

// TestWhoSaysTheLead has the order: runtime, executor, manager, process.
func TestWhoSaysTheLead(t *testing.T) {
	table := map[string]time.Duration{"claude": time.Second, "codex": 0}
	for name, c := range map[string]struct {
		provider          string
		runtime, executor any
		want              time.Duration
	}{
		"runtime first":       {"claude", own{of(3)}, own{of(2)}, 3},
		"then the executor":   {"claude", own{nil}, own{of(2)}, 2},
		"then the manager":    {"Claude", own{of(0)}, own{of(-2)}, time.Second},
		"the manager forbids": {"codex", nil, nil, 0},
		"then the process":    {"kimi", 1, "x", 5 * time.Minute},
		"nobody":              {"nobody", nil, nil, 0},
	} {
		sameLead(t, name, refresh.Lead(c.provider, c.runtime, c.executor, table), c.want)
	}
	mine := of(time.Hour)
	*refresh.Lead("p", own{mine}, nil, nil) = 0
	if *mine != time.Hour {
		t.Error("the lead is shared with whoever gave it")
	}
}
