package telemetry

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"sync"
	"testing"
)

const live = "sk-live-0123456789/abc+def"

func TestRedactFindsEverySpelling(t *testing.T) {
	var s Secrets
	odd := `pass"word<1>&\more`
	s.Add(live, odd)
	cases := map[string]string{
		"alone":         live,
		"inside":        "Bearer " + live + " was refused",
		"at the end":    "key=" + live,
		"twice":         live + " and " + live,
		"query":         "https://x.example/?k=" + url.QueryEscape(live),
		"base64":        base64.StdEncoding.EncodeToString([]byte(live)),
		"hex":           hex.EncodeToString([]byte(live)),
		"upper hex":     strings.ToUpper(hex.EncodeToString([]byte(live))),
		"basic":         base64.StdEncoding.EncodeToString([]byte("u:" + live)),
		"in base64":     base64.StdEncoding.EncodeToString([]byte("user:" + live + ":x")),
		"in base64url":  base64.URLEncoding.EncodeToString([]byte("xyz" + live + "more")),
		"base64url":     base64.RawURLEncoding.EncodeToString([]byte(live)),
		"json":          `{"k":"pass\"word<1>&\\more"}`,
		"json for html": `{"k":"pass\"word\u003c1\u003e\u0026\\more"}`,
	}
	for name, text := range cases {
		got := s.Redact(text)
		if !strings.Contains(got, Redacted) {
			t.Errorf("%s: %q was not redacted", name, got)
		}
		for _, form := range append(forms(live), forms(odd)...) {
			if strings.Contains(got, form) {
				t.Errorf("%s: %q still holds a secret", name, got)
			}
		}
	}
}

func TestRedactLeavesTheRest(t *testing.T) {
	var s Secrets
	if got := s.Redact("nothing is registered"); got != "nothing is registered" {
		t.Errorf("an empty set changed a text to %q", got)
	}
	var none *Secrets
	if got := none.Redact("x"); got != "x" {
		t.Errorf("a nil set changed a text to %q", got)
	}
	s.Add(live)
	for _, text := range []string{"", "short", "a text without any", live[:len(live)-1], live[1:]} {
		if got := s.Redact(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	if got, want := s.Redact("a "+live+" b"), "a "+Redacted+" b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLongestSecretWins(t *testing.T) {
	var s Secrets
	s.Add("prefix-of-a-secret", "prefix-of-a-secret-that-is-longer")
	if got := s.Redact("x prefix-of-a-secret-that-is-longer y"); got != "x "+Redacted+" y" {
		t.Errorf("got %q", got)
	}
}

func TestShortSecretsAreWholeValuesOnly(t *testing.T) {
	var s Secrets
	s.Add("abc")
	if got := s.Redact("abc"); got != Redacted {
		t.Errorf("got %q", got)
	}
	if got := s.Redact("abcdefghij abc"); got != "abcdefghij abc" {
		t.Errorf("got %q", got)
	}
	s.Remove("abc")
	if got := s.Redact("abc"); got != "abc" {
		t.Errorf("after removal: %q", got)
	}
}

func TestSecretsAreCounted(t *testing.T) {
	var s Secrets
	s.Remove("never added, and long", "no")
	s.Add(live)
	s.Add(live, "")
	s.Remove(live)
	if got := s.Redact(live); got != Redacted {
		t.Errorf("after one of two removals: %q", got)
	}
	s.Remove(live)
	if got := s.Redact(live); got != live {
		t.Errorf("after both removals: %q", got)
	}
	if len(s.by) != 0 {
		t.Errorf("%d windows are left", len(s.by))
	}
}

func TestSecretsConcurrently(t *testing.T) {
	var s Secrets
	s.Add(live)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			own := strings.Repeat(string(rune('a'+i)), 20)
			for range 200 {
				s.Add(own)
				if s.Redact("x "+live) != "x "+Redacted {
					t.Error("a live secret got through")
				}
				s.Remove(own)
			}
		})
	}
	wg.Wait()
}

func TestRedactCostsNothingWhenNothingMatches(t *testing.T) {
	var s Secrets
	s.Add(live)
	text := strings.Repeat("an ordinary line of a log ", 10)
	if n := testing.AllocsPerRun(100, func() { s.Redact(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("a secret value", "before ", " after")
	f.Add("12345678", "", "12345678")
	f.Add("\x00\xff\"\\<>&%", "é", "\n")
	f.Fuzz(func(t *testing.T, value, before, after string) {
		var s Secrets
		s.Add(value)
		for _, form := range forms(value) {
			if len(form) < window {
				continue
			}
			got := s.Redact(before + form + after)
			// What stands in for a secret may itself complete one across its
			// border; what matters is that no piece between two is a secret.
			for _, piece := range strings.Split(got, Redacted) {
				if strings.Contains(piece, form) {
					t.Fatalf("%q is left in %q", form, got)
				}
			}
		}
		s.Remove(value)
		if got := s.Redact(before + value + after); got != before+value+after {
			t.Fatalf("an empty set changed the text to %q", got)
		}
	})
}

func BenchmarkRedactNoMatch(b *testing.B) {
	var s Secrets
	for i := range 1000 {
		s.Add("sk-" + strings.Repeat(string(rune('a'+i%26)), 8) + strings.Repeat("x", i%40) + base64.StdEncoding.EncodeToString([]byte{byte(i), byte(i >> 8), 1}))
	}
	line := strings.Repeat("an ordinary line ", 18)
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		s.Redact(line)
	}
}
