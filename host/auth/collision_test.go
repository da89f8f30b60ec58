package auth_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// TestFaultA05Indexes: credentials that are configured differently have different
// indexes, whatever their values are made of.
func TestFaultA05Indexes(t *testing.T) {
	value := rapid.StringMatching(`([ab=,:|]|\x00|\x00base=|\x00api_key=){0,4}`)
	type configured struct{ provider, base, proxy, key, source string }
	draw := func(t *rapid.T, which string) configured {
		return configured{
			"p" + value.Draw(t, which+" provider"), value.Draw(t, which+" base"), value.Draw(t, which+" proxy"),
			value.Draw(t, which+" key"), "s" + value.Draw(t, which+" source"),
		}
	}
	index := func(c configured) string {
		a := &auth.Auth{ID: "same", Provider: c.provider, ProxyURL: c.proxy, Attributes: map[string]string{
			auth.AttrBaseURL: c.base, auth.AttrAPIKey: c.key, auth.AttrSource: c.source,
		}}
		return a.EnsureIndex()
	}
	rapid.Check(t, func(t *rapid.T) {
		one, two := draw(t, "one"), draw(t, "two")
		if (index(one) == index(two)) != (one == two) {
			t.Fatalf("%q and %q", one, two)
		}
	})
}
