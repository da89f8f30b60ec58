package config

import (
	"testing"

	"pgregory.net/rapid"
)

// TestFaultA05CredentialIDs: two credentials share an id, and with it their
// cooldowns, only if both provider and label are the same; where one text ends
// and the next begins does not matter.
func TestFaultA05CredentialIDs(t *testing.T) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune{'a', 'b', 0, '\x01', '/', ':'}), 0, 4, -1)
	rapid.Check(t, func(t *rapid.T) {
		p, l, q, m := text.Draw(t, "provider"), text.Draw(t, "label"), text.Draw(t, "other provider"), text.Draw(t, "other label")
		if same := p == q && l == m; same != (CredentialID(p, l) == CredentialID(q, m)) {
			t.Fatalf("%q %q and %q %q", p, l, q, m)
		}
	})
}
