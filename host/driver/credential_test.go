package driver

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
)

func TestValidateCredential(t *testing.T) {
	m := manifest()
	for _, c := range []struct {
		name   string
		change func(a *auth.Auth)
		want   string // a part of the error; empty when all is well
	}{
		{"right", func(*auth.Auth) {}, ""},
		{"core attributes", func(a *auth.Auth) { a.Attributes[auth.AttrPriority] = "3"; a.SetDeclaredModels([]string{"m"}) }, ""},
		{"no secret", func(a *auth.Auth) { delete(a.Metadata, "api_key") }, "api_key is required"},
		{"no base", func(a *auth.Auth) { delete(a.Attributes, "base_url") }, "base_url is required"},
		{"bad base", func(a *auth.Auth) { a.Attributes["base_url"] = "ftp://x" }, "base_url"},
		{"pattern", func(a *auth.Auth) { a.Attributes["project"] = "a1" }, "project does not match"},
		{"pattern is for all of it", func(a *auth.Auth) { a.Attributes["project"] = "ok\nok" }, "project holds a control"},
		{"secret with a line break", func(a *auth.Auth) { a.Metadata["api_key"] = testKey + "\n" }, "line break"},
		{"secret as a plain field", func(a *auth.Auth) { a.Attributes["api_key"] = testKey }, "api_key is a secret"},
		{"plain field as a secret", func(a *auth.Auth) { a.Metadata["region"] = "eu" }, "region is not a secret"},
		{"unknown field", func(a *auth.Auth) { a.Attributes["bse_url"] = "x" }, "bse_url is unknown"},
		{"region of two labels", func(a *auth.Auth) { a.Attributes["region"] = "a.b" }, "one label"},
	} {
		a := credential("https://api.example.com/v1")
		a.Attributes["region"] = "eu"
		c.change(a)
		err := ValidateCredential(m, m.Provides.Providers[0], a)
		switch {
		case (err == nil) != (c.want == ""):
			t.Errorf("%s: %v", c.name, err)
		case err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), testKey)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestSealedNames: no manifest can make a secret public by its name.
func TestSealedNames(t *testing.T) {
	for _, name := range []string{"access_token", "API_KEY", "client_secret", "cookies", "password", "private_pem", "Authorization", "header:X-Any"} {
		m := manifest()
		m.Credential.Fields[name] = abi.CredentialField{Kind: abi.FieldPublic}
		if _, err := New(always(end), m, m.Provides.Providers[0], Options{Door: door(t)}); err == nil {
			t.Errorf("%s was made public", name)
		}
	}
}

// TestNamesOfTheHost: no manifest can give an operator a field that the core
// reads as its own setting.
func TestNamesOfTheHost(t *testing.T) {
	for _, name := range []string{auth.AttrAllowPrivate, auth.AttrRuntimeOnly, auth.AttrPriority, auth.AttrModels} {
		m := manifest()
		m.Credential.Fields[name] = abi.CredentialField{Kind: abi.FieldPublic}
		if _, err := New(always(end), m, m.Provides.Providers[0], Options{Door: door(t)}); err == nil {
			t.Errorf("%s became a field of a plugin", name)
		}
	}
}

// TestScrub: a secret goes in every form that it may come back in, and what is
// no secret stays.
func TestScrub(t *testing.T) {
	const key = `sk-"quoted"/slash+1234`
	a := credential("https://api.example.com/v1")
	a.Metadata = map[string]any{"api_key": key, "token": map[string]any{"access_token": "nested-secret-value"}, "short": "abc",
		"pem": "sealed\nlines\nof a secret\n", "accent": "caf\u00e9-0123456789", "percent": `sealed/+&"<%x`, "path": `\\server\share-01`}
	a.Attributes["header:X-Key"] = "header-secret-value"
	s := newScrubber(manifest(), a)
	quoted, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{
		"raw": key, "json": string(quoted), "nested": "nested-secret-value", "attribute": "header-secret-value",
		"hex": hex.EncodeToString([]byte(key)), "upper hex": strings.ToUpper(hex.EncodeToString([]byte(key))),
		"form": url.QueryEscape(key), "path": url.PathEscape(key),
		"slashes":    strings.ReplaceAll(key, "/", `\/`),
		"json twice": twice(t, key), "form in json": twice(t, url.QueryEscape(key))[1:],
		"gson": `sk-\"quoted\"/slash\u002b1234`, "net": `sk-\u0022quoted\u0022/slash\u002B1234`, "net twice": `sk-\\u0022quoted\\u0022/slash\\u002B1234`,
		"html": html.EscapeString(key), "lower digits": strings.ToLower(url.QueryEscape(key)), "form twice": url.QueryEscape(url.QueryEscape(key)),
		"percent in json": `sealed%2F+\u0026%22%3C%25x`, "percent twice": "sealed%252F%252B%2526%2522%253C%2525x",
		"lines": `sealed\nlines\u000aof a secret\\n`, "an accent": `caf\u00e9-0123456789`, "an accent in a url": "caf%c3%A9-0123456789", "backslashes": `\\\\server\\share-01`,
	}
	for _, prefix := range []string{"", "u", "us", "user:"} {
		texts["std after "+prefix] = base64.StdEncoding.EncodeToString([]byte(prefix + key + ":x"))
		texts["url after "+prefix] = base64.RawURLEncoding.EncodeToString([]byte(prefix + key))
	}
	for name, text := range texts {
		in := "before " + text + " after"
		got := string(s.bytes([]byte(in)))
		if !strings.Contains(got, "[redacted]") || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") || s.text(in) != got {
			t.Errorf("%s: %q", name, got)
		}
	}
	plain := []byte("abc https://api.example.com/v1 work")
	if got := s.bytes(plain); &got[0] != &plain[0] {
		t.Errorf("what holds no secret was copied: %q", got)
	}
}

// twice is a JSON string that holds a JSON string that holds a text.
func twice(t *testing.T, text string) string {
	t.Helper()
	for range 2 {
		raw, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		text = string(raw)
	}
	return text
}

// TestScrubWhereItIsCut: a secret that the end of a text tears is removed, from
// its fourth character on, in each spelling (A-14: a guest that makes a body
// longer chooses where the echo of a header is cut).
func TestScrubWhereItIsCut(t *testing.T) {
	const key = `sk-"quoted"/slash+1234`
	a := credential("https://api.example.com/v1")
	a.Metadata = map[string]any{"api_key": key}
	s := newScrubber(manifest(), a)
	for name, text := range map[string]string{
		"raw": key, "json": strings.Trim(twice(t, key), `"`), "form": url.QueryEscape(key), "hex": hex.EncodeToString([]byte(key)),
		"net": `sk-\u0022quoted\u0022/slash\u002B1234`, "base64": base64.StdEncoding.EncodeToString([]byte(key)),
	} {
		for n := 1; n <= len(text); n++ {
			got := string(s.cut([]byte("before " + text[:n])))
			// Three characters of it may be left, of which one is escaped.
			if rest, ok := strings.CutPrefix(got, "before "); !ok || len(strings.ReplaceAll(rest, "[redacted]", "")) > 2+maxEscape {
				t.Errorf("%s cut at %d: %q", name, n, got)
			}
		}
	}
	plain := []byte("before sk")
	if got := s.cut(plain); &got[0] != &plain[0] || len(got) != len(plain) {
		t.Errorf("what holds no secret was changed: %q", got)
	}
}

// TestScrubTakesItsTime: a provider that chooses both a secret and a text cannot
// make the search endless, nor take more than a few passes over the text.
func TestScrubTakesItsTime(t *testing.T) {
	for name, c := range map[string]struct{ secret, text string }{
		"a secret in what replaces it": {"redacted", `% redacted redacted`},
		"backslashes":                  {`\\a-secret-of-backslashes`, strings.Repeat(`\`, 1<<20)},
		"percents":                     {"%%%%%%%%%", "x" + strings.Repeat("%25", 1<<19)},
		"a text that nearly is one":    {strings.Repeat("a", 1<<16) + "b", "%" + strings.Repeat("a", 1<<16)},
		"the same again and again":     {"aaaaaaaaaaaa", strings.Repeat(`\u0061`, 1<<17)},
	} {
		a := credential("https://api.example.com/v1")
		a.Metadata = map[string]any{"api_key": c.secret}
		s := newScrubber(manifest(), a)
		begun := time.Now()
		for range 2 {
			if got := s.cut([]byte(c.text)); len(got) > 2*len(c.text)+len(redacted) || s.text(c.text) == "" {
				t.Errorf("%s: %d bytes became %d", name, len(c.text), len(got))
			}
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("%s: took %s", name, took)
		}
	}
}

// FuzzScrub: whatever secret and text there are, the search ends, and no secret
// is left as it stands.
func FuzzScrub(f *testing.F) {
	f.Add("sk-0123456789", `{"k":"sk-\u0030123456789"} sk-0123456789 %73k-0123456789`)
	f.Add(`\\\"\"/+&<>%'`, `\\\\\"%5C&quot;&#39;`)
	f.Add("redacted", "[redacted]%")
	f.Fuzz(func(t *testing.T, secret, text string) {
		a := credential("https://api.example.com/v1")
		a.Metadata = map[string]any{"api_key": secret}
		s := newScrubber(manifest(), a)
		got := string(s.bytes([]byte(text)))
		if s.text(text) != got {
			t.Errorf("bytes and text differ: %q, %q", got, s.text(text))
		}
		if len(secret) >= minSecret && strings.Contains(strings.ReplaceAll(got, string(redacted), "\x00"), secret) && !strings.Contains(secret, "\x00") {
			t.Errorf("%q is left in %q", secret, got)
		}
		s.cut([]byte(text))
	})
}
