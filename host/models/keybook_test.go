package models_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/models"
	"github.com/patchbay-dev/patchbay/host/settings"
)

func entry(provider, key, base, name string) settings.Credential {
	return settings.Credential{
		Provider: provider, Source: "f:" + name,
		Secrets: map[string]string{settings.FieldAPIKey: key}, Set: map[string]string{settings.FieldBaseURL: base},
		Aliases: []alias{{Name: name, Alias: "m"}},
	}
}

func keyed(provider string, pairs ...string) *auth.Auth {
	a := &auth.Auth{Provider: provider, Attributes: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		a.Attributes[pairs[i]] = pairs[i+1]
	}
	return a
}

func withKeys(entries ...settings.Credential) *models.Book {
	return (*models.Book)(nil).WithConfig(&settings.Config{Credentials: entries})
}

// TestAPIKeyEntry finds the entry of the configuration that a record came from.
func TestAPIKeyEntry(t *testing.T) {
	off := entry("claude", "off", "", "switched-off")
	off.Disabled = true
	same := entry("claude", "k1", "https://one", "the-other-k1")
	bare := entry("other", "", "https://bare", "bare")
	book := withKeys(
		entry("claude", "k1", "https://one", "k1-one"), entry("claude", "k1", "", "k1-own"), entry("claude", "k2", "https://two", "k2-two"),
		same, off, entry("compat", "c1", "https://c", "compat-c"), entry("compat", "c2", "", "compat-any"), bare,
	)
	for name, c := range map[string]struct {
		a    *auth.Auth
		want string
	}{
		"key and address":               {keyed("claude", "api_key", "K1", "base_url", "HTTPS://one"), "k1-one"},
		"place in the file":             {keyed("claude", "api_key", "k1", "base_url", "https://one", "source", "config:f:the-other-k1"), "the-other-k1"},
		"another at that place":         {keyed("claude", "api_key", "k2", "base_url", "https://two", "source", "config:f:k1-one"), "k2-two"},
		"key at the provider's address": {keyed("claude", "api_key", "k1"), "k1-own"},
		"key only":                      {keyed("claude", "api_key", "k2"), "k2-two"},
		"key at another address":        {keyed("claude", "api_key", "k2", "base_url", "https://x"), "k2-two"},
		"address only":                  {keyed("claude", "auth_kind", "apikey", "base_url", "https://two"), "k2-two"},
		"unknown key":                   {keyed("claude", "api_key", "k9", "base_url", "https://one"), "m"},
		"another provider":              {keyed("codex", "api_key", "k1"), "m"},
		"switched off":                  {keyed("claude", "api_key", "off"), "m"},
		"an account":                    {keyed("claude", "auth_kind", "oauth", "api_key", "k1"), "m"},
		"compat by key":                 {keyed("compat", "api_key", "c2"), "compat-any"},
		"compat by name":                {keyed("compat", "api_key", "c9"), "compat-c"},
		"compat by name and address":    {keyed("compat", "api_key", "c9", "base_url", "https://c"), "compat-c"},
		"compat, no such address":       {keyed("compat", "api_key", "c9", "base_url", "https://d"), "compat-any"},
		"by compat_name":                {keyed("own", "api_key", "c9", "compat_name", "Compat"), "compat-c"},
		"by provider_key":               {keyed("own", "api_key", "c9", "provider_key", "compat"), "compat-c"},
		"without a key":                 {keyed("other", "base_url", "https://bare"), "bare"},
		"without a key elsewhere":       {keyed("other", "base_url", "https://elsewhere"), "m"},
	} {
		if got := targets(book.Of(c.a), "m")[0].Upstream; got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	secret := &auth.Auth{Provider: "claude", Metadata: map[string]any{"api_key": "k2"}}
	if got := targets(book.Of(secret), "m")[0].Upstream; got != "k2-two" {
		t.Errorf("a key among the secrets: %q", got)
	}
	if !withKeys(settings.Credential{Provider: "p"}).Of(keyed("p")).Plain() {
		t.Error("aliases from nowhere")
	}
}

// TestAPIKeyAliasState: what an alias of an API key teaches is remembered under
// the client's name, unless it leads to several models.
func TestAPIKeyAliasState(t *testing.T) {
	c := entry("compat", "k", "", "up(low)")
	c.Aliases = append(c.Aliases, alias{Name: "u1", Alias: "pool"}, alias{Name: "u2(high)", Alias: "Pool"}, alias{Name: "U1", Alias: "pool"})
	a := keyed("compat", "api_key", "k")
	a.Prefix = "team"
	n := withKeys(c).Of(a)
	for route, want := range map[string][]models.Target{
		"m":          one("up(low)", "m"),
		"team/m(9)":  one("up(low)", "m"),
		"pool(9)":    {{Upstream: "u1(9)", State: "u1"}, {Upstream: "u2(high)", State: "u2"}},
		"team/other": one("other", "other"),
		"u1":         one("u1", "u1"),
	} {
		if diff := cmp.Diff(want, targets(n, route)); diff != "" {
			t.Errorf("%s: %s", route, diff)
		}
	}
	if diff := cmp.Diff(infos("m", "pool", "team/m", "team/pool"), dedup(n.Publish(nil))); diff != "" {
		t.Error(diff)
	}
	c.Provider, a.Provider = "claude", "claude"
	if diff := cmp.Diff(one("u1", "pool"), targets(withKeys(c).Of(a), "pool")); diff != "" {
		t.Errorf("a native provider has no pools: %s", diff)
	}
}

// dedup keeps the first of each ID, as the registry does.
func dedup(list []models.Info) []models.Info {
	var out []models.Info
	seen := map[string]bool{}
	for _, info := range list {
		if !seen[info.ID] {
			seen[info.ID] = true
			out = append(out, info)
		}
	}
	return out
}
