package driver

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
)

// minSecret is how long a value must be to be looked for, in bytes: shorter
// ones occur by accident.
const minSecret = 8

var redacted = []byte("[redacted]")

// scrubber removes the live secrets of one credential: as they are, in base64
// of both alphabets at any alignment, in hex, and as JSON and URLs escape them.
type scrubber struct{ patterns [][]byte }

// newScrubber looks for every string of the credential's metadata, at any
// depth, and every attribute with a secret's name, unless the manifest names
// the field public.
func newScrubber(m *abi.Manifest, a *auth.Auth) *scrubber {
	open := func(name string) bool {
		kind := m.Credential.Fields[name].Kind
		return kind == abi.FieldPublic || kind == abi.FieldDestination
	}
	var values []string
	for name, v := range a.Metadata {
		if !open(name) {
			values = appendStrings(values, v)
		}
	}
	for name, v := range a.Attributes {
		if abi.SealedName(name) && !open(name) {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	s := &scrubber{}
	for _, v := range slices.Compact(values) {
		if len(v) >= minSecret {
			s.add(v)
		}
	}
	s.sort()
	return s
}

// join adds what another scrubber looks for.
func (s *scrubber) join(other *scrubber) {
	for _, p := range other.patterns {
		if !slices.ContainsFunc(s.patterns, func(have []byte) bool { return bytes.Equal(have, p) }) {
			s.patterns = append(s.patterns, p)
		}
	}
	s.sort()
}

// sort puts the longest first: a secret that contains another goes as a whole.
func (s *scrubber) sort() {
	slices.SortStableFunc(s.patterns, func(a, b []byte) int { return len(b) - len(a) })
}

// learn adds a secret that was made or fetched just now.
func (s *scrubber) learn(v string) {
	if len(v) >= minSecret {
		s.add(v)
		s.sort()
	}
}

func appendStrings(values []string, v any) []string {
	switch v := v.(type) {
	case string:
		return append(values, v)
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			values = appendStrings(values, v[name])
		}
	case map[string]string:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			values = append(values, v[name])
		}
	case []any:
		for _, e := range v {
			values = appendStrings(values, e)
		}
	}
	return values
}

func (s *scrubber) add(v string) {
	digits := hex.EncodeToString([]byte(v))
	forms := []string{v, quoted(v, true), quoted(v, false), strings.ReplaceAll(v, "/", `\/`), url.QueryEscape(v), url.PathEscape(v), digits, strings.ToUpper(digits)}
	for i, form := range forms {
		if !slices.Contains(forms[:i], form) {
			s.patterns = append(s.patterns, []byte(form))
		}
	}
	for offset := range 3 {
		// The characters that only the secret's own bits decide, when it
		// stands offset bytes behind a border of three.
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, offset), v...))
		inner := text[(offset*8+5)/6 : (offset+len(v))*8/6]
		s.patterns = append(s.patterns, []byte(inner))
		if other := strings.NewReplacer("+", "-", "/", "_").Replace(inner); other != inner {
			s.patterns = append(s.patterns, []byte(other))
		}
	}
}

// quoted returns v as it stands in a JSON string, with or without the escapes
// for HTML.
func quoted(v string, html bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(html)
	if enc.Encode(v) != nil { // a string always encodes
		return v
	}
	text := strings.TrimSuffix(b.String(), "\n")
	return text[1 : len(text)-1]
}

// bytes returns p without the secrets: p itself when there is none in it.
func (s *scrubber) bytes(p []byte) []byte {
	for _, pattern := range s.patterns {
		if bytes.Contains(p, pattern) {
			p = bytes.ReplaceAll(p, pattern, redacted)
		}
	}
	return p
}

// text is bytes for a string.
func (s *scrubber) text(t string) string {
	if len(t) < minSecret { // nothing that is looked for is as short
		return t
	}
	for _, pattern := range s.patterns {
		t = strings.ReplaceAll(t, string(pattern), string(redacted))
	}
	return t
}
