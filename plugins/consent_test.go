package plugins

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/abi"
)

// asking is a manifest that asks for some of everything.
func asking() *abi.Manifest {
	m := &abi.Manifest{ID: "acme", Version: "1.0.0", Capabilities: []abi.Capability{
		{Name: abi.CapabilityNetwork, Reason: "it is an API"},
		{Name: abi.FeatureReadSecret, Reason: "a strange signature", Fields: []string{"api_key"}},
	}}
	m.Provides.Providers = []abi.Provider{{Key: "acme"}}
	m.Provides.Preparers = []abi.Preparer{{Name: "sign", Providers: []string{"acme", "other"}}}
	m.Provides.PostAuth = []abi.PostAuth{{Name: "gate", Headers: []string{"X-Team"}, Query: []string{"team"}}}
	m.Provides.Observers = []abi.Observer{{Name: "audit", Events: []string{"result"}}}
	return m
}

// TestA14WhatHasToBeNamed: no general consent gives a plugin the values of secrets,
// nor a place in the requests of another provider.
func TestA14WhatHasToBeNamed(t *testing.T) {
	asks := GrantFor(asking())
	words := []string{"secrets_readable:api_key", "intercept:other", "observe:audit", "post_auth:gate"}
	if diff := cmp.Diff(words, asks.Explicit()); diff != "" {
		t.Errorf("what has to be named (-want +got):\n%s", diff)
	}
	for _, line := range []string{
		"capability network", "capability secrets_readable api_key", "hook intercept:acme", "hook intercept:other", "hook observe:audit", "hook post_auth:gate",
		"read header x-team of who adds a credential", "read query team of who adds a credential", "read every result of every credential", "serve provider acme",
	} {
		if !slices.Contains(asks.Lines(), line) {
			t.Errorf("%q is not shown: %q", line, asks.Lines())
		}
	}
	general := []string{"serve provider acme", "capability network", "hook intercept:acme", "read every result of every credential",
		"read header x-team of who adds a credential", "read query team of who adds a credential"}
	tests := []struct {
		name    string
		have    Grant
		consent Consent
		want    Withheld
	}{
		{"nothing", Grant{}, Consent{}, Withheld{Lines: general, Words: words}},
		{"yes", Grant{}, Consent{All: true}, Withheld{Words: words}},
		{"the names", Grant{}, Consent{Named: words}, Withheld{Lines: general}},
		{"both", Grant{}, Consent{All: true, Named: words}, Withheld{}},
		{"some", Grant{}, Consent{All: true, Named: words[1:]}, Withheld{Words: words[:1]}},
		{"a wrong name", Grant{}, Consent{All: true, Named: append(slices.Clone(words), "intercept:acme")}, Withheld{Unknown: []string{"intercept:acme"}}},
		{"granted before", asks, Consent{}, Withheld{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.have.Withheld(asks, tt.consent)
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.Any() != (tt.name != "both" && tt.name != "granted before") {
				t.Errorf("Any: %v", got.Any())
			}
		})
	}
}

// TestA13MoreIsWithheld: whatever was granted, and to whatever an operator agrees,
// what remains is exactly what is new and was not agreed to.
func TestA13MoreIsWithheld(t *testing.T) {
	all := GrantFor(asking())
	some := func(t *rapid.T, from []string, name string) []string {
		var out []string
		for _, line := range from {
			if rapid.Bool().Draw(t, name+" "+line) {
				out = append(out, line)
			}
		}
		return out
	}
	rapid.Check(t, func(t *rapid.T) {
		have := Grant{Providers: all.Providers, Capabilities: some(t, all.Capabilities, "cap"), Hooks: some(t, all.Hooks, "hook"), Reads: some(t, all.Reads, "read")}
		w := have.Withheld(all, Consent{Named: some(t, all.Explicit(), "name")})
		if len(w.Unknown) != 0 {
			t.Fatal(w.Unknown)
		}
		if len(have.Missing(all)) == 0 && w.Any() {
			t.Fatal("withheld although all is granted")
		}
		for _, line := range have.Missing(all) {
			word := strings.Replace(line[strings.Index(line, " ")+1:], " ", ":", 1)
			if !slices.Contains(all.Explicit(), word) && !slices.Contains(w.Lines, line) {
				t.Fatalf("%q is new, and goes through", line)
			}
		}
		for _, word := range w.Words {
			if slices.Contains(have.Explicit(), word) {
				t.Fatalf("%q was granted, and is asked for again", word)
			}
		}
	})
}

// TestA12Versions: what may take another's place, as semver.org orders versions.
func TestA12Versions(t *testing.T) {
	rising := []string{
		"0.0.1", "0.0.9", "0.0.10", "0.2.0", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta",
		"1.0.0", "1.0.1", "2.0.0-rc.1", "2.0.0", "10.0.0", "99999999999999999999.0.0", "100000000000000000000.0.0",
	}
	for i, a := range rising {
		for j, b := range rising {
			if got := older(a, b); got != (i < j) {
				t.Errorf("%s before %s: %v", a, b, got)
			}
		}
	}
	if older("1.0.0+a", "1.0.0+b") || older("1.0.0+b", "1.0.0") {
		t.Error("what was built of a version does not order it")
	}
	info := func(version, sha string) *Info {
		return &Info{SHA256: sha, Manifest: &abi.Manifest{Version: version}}
	}
	l := Locked{ID: "acme", Version: "1.1.0", SHA256: "aa", RolledBack: &RolledBack{Version: "1.2.0", SHA256: "bb", Reason: "trap", At: time.Unix(0, 0)}}
	for _, tt := range []struct{ version, sha, want string }{
		{"1.1.0", "cc", ""}, {"1.2.0", "cc", ""}, {"1.0.9", "cc", "older than the installed 1.1.0"}, {"1.2.0", "bb", "rolled back at 1970-01-01T00:00:00Z: trap"},
	} {
		if got := l.Refuses(info(tt.version, tt.sha)); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s %s: %q", tt.version, tt.sha, got)
		}
	}
}

// TestTheLockNeverForgets: through updates, offers and rollbacks, files that may be
// needed are kept, records do not nest, and nothing serves without its grant.
func TestTheLockNeverForgets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := 0
		next := func() Locked {
			n++
			return Locked{ID: "acme", SHA256: strings.Repeat("a", n), Granted: Grant{Reads: []string{strings.Repeat("a", n)}}}
		}
		l := next()
		t.Repeat(map[string]func(*rapid.T){
			"update": func(*rapid.T) {
				was := l.SHA256
				if l = l.Follow(next()); l.Previous.SHA256 != was || l.Tried {
					t.Fatalf("%+v", l)
				}
			},
			"offer": func(*rapid.T) { l = l.Offer(next()) },
			"grant": func(*rapid.T) {
				if l.Pending == nil {
					return
				}
				p := *l.Pending
				p.Granted = Grant{Reads: []string{p.SHA256}}
				l = l.Follow(p)
			},
			"roll back": func(*rapid.T) {
				bad := l
				back, ok := l.GoBack(time.Unix(0, 0), "trap")
				if ok != (bad.Previous != nil) {
					t.Fatal(ok)
				}
				if ok && (back.SHA256 != bad.Previous.SHA256 || back.RolledBack.SHA256 != bad.SHA256 || !back.Tried || back.Previous != nil) {
					t.Fatalf("%+v", back)
				}
				l = back
			},
			"": func(*rapid.T) {
				if len(l.Granted.Reads) != 1 || l.Granted.Reads[0] != l.SHA256 {
					t.Fatalf("%s serves with the grant %v", l.SHA256, l.Granted)
				}
				for _, other := range []*Locked{l.Previous, l.Pending} {
					if other != nil && (other.Previous != nil || other.Pending != nil || !l.keeps(other.SHA256)) {
						t.Fatalf("%+v", other)
					}
				}
				if l.Pending != nil && len(l.Pending.Granted.Lines()) != 0 {
					t.Fatal("what waits is granted")
				}
				if !l.keeps(l.SHA256) || l.keeps("b") {
					t.Fatal("keeps the wrong files")
				}
			},
		})
	})
}
