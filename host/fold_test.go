package host_test

import (
	"testing"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// TestAliasesInAnyCase: whatever kind of alias, through the index, for the state
// and in explanations; names of models and prefixes are case-sensitive.
func TestAliasesInAnyCase(t *testing.T) {
	r := newRig(t)
	p := fails("claude", nil)
	r.RegisterExecutor(p)
	r.SetOAuthModelAlias(map[string][]modelAlias{"claude": {{Name: "big-2", Alias: "Fast/One"}}})
	r.add(auth.Auth{ID: "oauth", Provider: "claude"}, "big-2")
	r.add(auth.Auth{ID: "own", Provider: "claude", Prefix: "Team", Attributes: map[string]string{
		auth.AttrModelAliases: `[{"name":"big-3","alias":"OWN"}]`, auth.AttrAuthKind: "apikey"}}, "big-3", "Plain")
	for asked, want := range map[string][2]string{
		"Fast/One":        {"oauth", "big-2"},
		"fast/one":        {"oauth", "big-2"},
		"FAST/ONE(high)":  {"oauth", "big-2(high)"},
		"own":             {"own", "big-3"},
		"Team/oWn":        {"own", "big-3"},
		"Plain":           {"own", "Plain"},
		"team/OWN":        {},
		"plain":           {},
		"BIG-2":           {},
		"\x00\x00own":     {},
		"\x00Team\x00own": {},
	} {
		id, err := r.ask(asked, "claude")
		if want[0] == "" {
			if codeOf(err) != auth.CodeModelNotFound {
				t.Errorf("%q: %q, %v", asked, id, err)
			}
			continue
		}
		got := p.upstreams()
		if err != nil || id != want[0] || got[len(got)-1] != want[1] {
			t.Errorf("%q: %q as %v, %v", asked, id, got[len(got)-1], err)
		}
		sameList(t, "providers of "+asked, r.ProvidersForModel(asked), "claude")
		if e := r.Explain(nil, asked, executor.Options{}); len(e.Candidates) == 0 || e.Candidates[0].ID != want[0] || e.Candidates[0].Verdict != host.VerdictReady {
			t.Errorf("%q: %+v", asked, e)
		}
	}
	r.block("own", "big-3", 403, 0)
	if _, err := r.ask("oWN", "claude"); codeOf(err) != auth.CodeAuthUnavailable {
		t.Error(err)
	}
}

// TestPoolsInAnyCase: one rotation, whatever the case.
func TestPoolsInAnyCase(t *testing.T) {
	r, _ := compat(t, nil, pool()...)
	r.answers("a u1")("X", "p")
	r.answers("a u2")("x", "p")
	r.answers("a u1")("X", "p")
}

// TestCyclicAliases: aliases are taken one step, so that names which stand for
// each other are swapped, and none is looked for without end.
func TestCyclicAliases(t *testing.T) {
	cycle := []settings.OAuthModelAlias{{Name: "a1", Alias: "b1"}, {Name: "b1", Alias: "a1"}, {Name: "c1", Alias: "c2"}, {Name: "c2", Alias: "c3"}, {Name: "c3", Alias: "c1"}}
	r := newRig(t)
	p := fails("claude", nil)
	r.RegisterExecutor(p)
	r.SetOAuthModelAlias(map[string][]modelAlias{"claude": cycle})
	r.add(auth.Auth{ID: "x", Provider: "claude"}, "a1", "b1", "c1", "c2", "c3")
	sameList(t, "listed", r.listed(), "a1", "b1", "c1", "c2", "c3")
	for asked, upstream := range map[string]string{"a1": "b1", "b1": "a1", "B1(low)": "a1(low)", "c1": "c3", "c2": "c1", "c3": "c2"} {
		r.answers("x")(asked, "claude")
		got := p.upstreams()
		same(t, asked, got[len(got)-1], upstream)
	}

	// An API key's aliases after an account's own: each is one step too.
	r, p = compat(t, nil, modelAlias{Name: "u1", Alias: "u2"}, modelAlias{Name: "u2", Alias: "u1"})
	r.answers("a u2")("u1", "p")
	r.answers("a u1")("u2", "p")
	sameList(t, "asked", p.upstreams(), "u2", "u1")
}
