package models_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/models"
	"github.com/patchbay-dev/patchbay/host/settings"
)

type alias = settings.OAuthModelAlias

func channels(list ...alias) *models.Book {
	return (*models.Book)(nil).WithChannels(map[string][]alias{"claude": list})
}

func oauth() *auth.Auth { return &auth.Auth{ID: "a", Provider: "Claude"} }

func targets(n models.Naming, route string) []models.Target { return n.Resolve(nil, route) }

func one(upstream, state string) []models.Target {
	return []models.Target{{Upstream: upstream, State: state}}
}

// TestChannelTable has every provider with a channel, in every spelling of a
// kind, and others without.
func TestChannelTable(t *testing.T) {
	with := []string{"gemini-cli", "vertex", "aistudio", "antigravity", "claude", "codex", "qwen", "iflow", "kimi"}
	for _, provider := range with {
		for _, kind := range []string{"", "oauth", " OAuth2 ", "other"} {
			if got := models.OAuthModelAliasChannel(provider, kind); got != provider {
				t.Errorf("%s, %q: %q", provider, kind, got)
			}
		}
		for _, kind := range []string{"apikey", " ApiKey ", "api_key", "api-key"} {
			if got := models.OAuthModelAliasChannel(provider, kind); got != "" {
				t.Errorf("%s, %q: %q", provider, kind, got)
			}
		}
	}
	for _, provider := range []string{"gemini", "openai", "xai", "plugin", ""} {
		for _, kind := range []string{"", "oauth", "apikey"} {
			if got := models.OAuthModelAliasChannel(provider, kind); got != "" {
				t.Errorf("%s, %q: %q", provider, kind, got)
			}
		}
	}
	if got := models.OAuthModelAliasChannel("  CLAUDE\t", ""); got != "claude" {
		t.Errorf("blanks and case: %q", got)
	}
}

// TestResolve has a row for every rule of names and suffixes.
func TestResolve(t *testing.T) {
	n := channels(
		alias{Name: "big-2", Alias: "big"},
		alias{Name: "fixed(low)", Alias: "fix"},
		alias{Name: "exact-2", Alias: "exact(high)"},
		alias{Name: "first", Alias: "twice"}, alias{Name: "second", Alias: "TWICE"},
		alias{Name: "b", Alias: "a"}, alias{Name: "a", Alias: "b"},
		alias{Name: " ", Alias: "blank"}, alias{Name: "self", Alias: " Self "}, alias{Name: "x", Alias: ""},
	).Of(oauth())
	for route, want := range map[string][]models.Target{
		"big":         one("big-2", "big-2"),
		"BIG":         one("big-2", "big-2"),
		"big(8192)":   one("big-2(8192)", "big-2"),
		"big()":       one("big-2", "big-2"),
		"big-2":       one("big-2", "big-2"),
		"fix":         one("fixed(low)", "fixed"),
		"fix(high)":   one("fixed(low)", "fixed"),
		"exact(high)": one("exact-2(high)", "exact-2"),
		"exact(low)":  one("exact(low)", "exact"),
		"twice":       one("first", "first"),
		"a":           one("b", "b"),
		"b":           one("a", "a"),
		"blank":       one("blank", "blank"),
		"Self(high)":  one("Self(high)", "Self"),
		"other(1)":    one("other(1)", "other"),
		"":            one("", ""),
	} {
		if diff := cmp.Diff(want, targets(n, route)); diff != "" {
			t.Errorf("%q: %s", route, diff)
		}
	}
}

// TestResolveStrips: the prefix goes first, and once.
func TestResolveStrips(t *testing.T) {
	a := oauth()
	a.Prefix = "team"
	n := channels(alias{Name: "big-2", Alias: "big"}).Of(a)
	for route, want := range map[string]string{
		"team/big": "big-2", "big": "big-2", "team/team/big": "team/big", "Team/big": "Team/big", "team/big(1)": "big-2(1)",
	} {
		if got := targets(n, route)[0].Upstream; got != want {
			t.Errorf("%q: %q, want %q", route, got, want)
		}
	}
}

// TestOwnAliases count before those of the channel; what cannot be read counts
// for nothing.
func TestOwnAliases(t *testing.T) {
	a := oauth()
	book := channels(alias{Name: "of-channel", Alias: "m"}, alias{Name: "of-channel", Alias: "n"})
	a.Attributes = map[string]string{auth.AttrModelAliases: `[{"name":"of-own","alias":"M"}]`}
	n := book.Of(a)
	if got := targets(n, "m")[0].Upstream; got != "of-own" {
		t.Errorf("m: %q", got)
	}
	if got := targets(n, "n")[0].Upstream; got != "of-channel" {
		t.Errorf("n: %q", got)
	}
	for _, bad := range []string{"", " ", "no", "{}", `[1]`, `[{"name":1}]`, "[]", "null"} {
		a.Attributes[auth.AttrModelAliases] = bad
		if got := targets(book.Of(a), "m")[0].Upstream; got != "of-channel" {
			t.Errorf("%q: %q", bad, got)
		}
	}
}

// TestChannelsAreForAccounts: an API key takes no alias of a channel, and no
// other provider does.
func TestChannelsAreForAccounts(t *testing.T) {
	book := (*models.Book)(nil).WithChannels(map[string][]alias{" CLAUDE ": {{Name: "x", Alias: "m"}}, "openai": {{Name: "x", Alias: "m"}}})
	for _, c := range []struct {
		a    auth.Auth
		want string
	}{
		{auth.Auth{Provider: "claude"}, "x"},
		{auth.Auth{Provider: "claude", Attributes: map[string]string{"api_key": "k"}}, "m"},
		{auth.Auth{Provider: "claude", Attributes: map[string]string{"auth_kind": "apikey"}}, "m"},
		{auth.Auth{Provider: "claude", Metadata: map[string]any{"email": "a@b", "access_token": "t"}}, "x"},
		{auth.Auth{Provider: "openai"}, "m"},
	} {
		if got := targets(book.Of(&c.a), "m")[0].Upstream; got != c.want {
			t.Errorf("%+v: %q, want %q", c.a.Attributes, got, c.want)
		}
	}
	if !book.WithChannels(nil).Of(oauth()).Plain() {
		t.Error("a table that was taken away still counts")
	}
}

func TestPublish(t *testing.T) {
	a := oauth()
	for name, c := range map[string]struct {
		list []alias
		want []string
	}{
		"in place":       {[]alias{{Name: "M", Alias: "x"}}, []string{"x", "n"}},
		"fork":           {[]alias{{Name: "m", Alias: "x", Fork: true}}, []string{"m", "x", "n"}},
		"two names":      {[]alias{{Name: "m", Alias: "x"}, {Name: "m", Alias: "y"}}, []string{"x", "y", "n"}},
		"one fork of 2":  {[]alias{{Name: "m", Alias: "x"}, {Name: "m", Alias: "y", Fork: true}}, []string{"m", "x", "y", "n"}},
		"not served":     {[]alias{{Name: "other", Alias: "x"}}, []string{"m", "n"}},
		"of a variant":   {[]alias{{Name: "m(low)", Alias: "x"}}, []string{"m", "n", "x"}},
		"of no variant":  {[]alias{{Name: "o(low)", Alias: "x"}}, []string{"m", "n"}},
		"stands for one": {[]alias{{Name: "m", Alias: "x"}, {Name: "n", Alias: "x"}}, []string{"x", "n"}},
	} {
		if diff := cmp.Diff(infos(c.want...), channels(c.list...).Of(a).Publish(infos("m", "n"))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	own := oauth()
	own.Attributes = map[string]string{auth.AttrModelAliases: `[{"name":"other","alias":"x","fork":true},{"name":"one","alias":"y"}]`}
	if diff := cmp.Diff(infos("m", "other", "x", "y"), (*models.Book)(nil).Of(own).Publish(infos("m"))); diff != "" {
		t.Errorf("what the operator wrote into the credential: %s", diff)
	}
	described := []models.Info{{ID: "m", OwnedBy: "them", ContextTokens: 7}}
	want := []models.Info{{ID: "x", OwnedBy: "them", ContextTokens: 7}}
	if diff := cmp.Diff(want, channels(alias{Name: "m", Alias: "x"}).Of(a).Publish(described)); diff != "" {
		t.Errorf("what is known of a model: %s", diff)
	}
}

func TestPrefixes(t *testing.T) {
	given := infos("m", "team", "n")
	for forced, want := range map[bool][]string{
		false: {"m", "team", "n", "team/m", "team/team", "team/n"},
		true:  {"team/m", "team", "team/n"},
	} {
		cfg := &settings.Config{Routing: settings.Routing{ForceModelPrefix: forced}}
		book := (*models.Book)(nil).WithConfig(cfg)
		if diff := cmp.Diff(infos(want...), book.Of(&auth.Auth{Prefix: "team"}).Publish(given)); diff != "" {
			t.Errorf("forced %v: %s", forced, diff)
		}
		if diff := cmp.Diff(given, book.Of(&auth.Auth{}).Publish(given)); diff != "" {
			t.Errorf("without a prefix, forced %v: %s", forced, diff)
		}
	}
	if diff := cmp.Diff(infos("m", "team", "n"), given); diff != "" {
		t.Errorf("the given slice changed: %s", diff)
	}
}

// FuzzOwnAliases: whatever stands in the attribute, names resolve to something.
func FuzzOwnAliases(f *testing.F) {
	f.Add(`[{"name":"a","alias":"b"},{"name":"b","alias":"a"}]`, "a(high)")
	f.Add(`[{"name":"a(low)","alias":"b","fork":true}]`, "b")
	f.Add(`[{"name":"(","alias":")"}]`, "()")
	f.Add(`{`, "")
	f.Fuzz(func(t *testing.T, raw, route string) {
		a := &auth.Auth{Attributes: map[string]string{auth.AttrModelAliases: raw}}
		n := (*models.Book)(nil).Of(a)
		if got := n.Resolve(nil, route); len(got) != 1 {
			t.Errorf("%d targets", len(got))
		}
		n.Publish(infos("a", route))
	})
}

// TestWhatIsPublishedResolves: every name on the list leads to a model that was
// given, or to one that an alias names.
func TestWhatIsPublishedResolves(t *testing.T) {
	name := rapid.SampledFrom([]string{"a", "b", "c", "d", "A", "b(low)"})
	rapid.Check(t, func(t *rapid.T) {
		var list []alias
		for range rapid.IntRange(0, 6).Draw(t, "aliases") {
			list = append(list, alias{Name: name.Draw(t, "name"), Alias: name.Draw(t, "alias"), Fork: rapid.Bool().Draw(t, "fork")})
		}
		known := map[string]bool{"a": true, "b": true}
		for _, in := range list {
			known[auth.CanonicalModel(in.Name)] = true
		}
		raw, _ := json.Marshal(list)
		a := &auth.Auth{Provider: "claude", Prefix: rapid.SampledFrom([]string{"", "t"}).Draw(t, "prefix"),
			Attributes: map[string]string{auth.AttrModelAliases: string(raw)}}
		n := channels(list...).Of(a)
		for _, info := range n.Publish(infos("a", "b")) {
			for _, to := range targets(n, info.ID) {
				if !known[auth.CanonicalModel(to.Upstream)] {
					t.Fatalf("%s leads to %s", info.ID, to.Upstream)
				}
			}
		}
	})
}
