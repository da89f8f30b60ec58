package driver

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
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
// of both alphabets at any alignment, in hex, and as JSON, URLs and HTML escape
// them, also twice.
type scrubber struct {
	patterns [][]byte // as they stand
	secrets  [][]rune // for find
}

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
	for _, secret := range other.secrets {
		if !slices.ContainsFunc(s.secrets, func(have []rune) bool { return slices.Equal(have, secret) }) {
			s.secrets = append(s.secrets, secret)
		}
	}
	s.sort()
}

// sort puts the longest first: a secret that contains another goes as a whole.
func (s *scrubber) sort() {
	slices.SortStableFunc(s.patterns, func(a, b []byte) int { return len(b) - len(a) })
	slices.SortStableFunc(s.secrets, func(a, b []rune) int { return len(b) - len(a) })
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
	forms := []string{v, digits, strings.ToUpper(digits)}
	for _, form := range []string{url.QueryEscape(v), url.PathEscape(v)} {
		if !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	for _, form := range forms {
		s.patterns = append(s.patterns, []byte(form))
	}
	s.loose(v)
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

// loose adds a secret that is looked for character by character.
func (s *scrubber) loose(v string) {
	var secret []rune
	for _, r := range v {
		if n := len(secret); r != '\\' || n == 0 || secret[n-1] != '\\' { // a run of them cannot be told from an escaped one
			secret = append(secret, r)
		}
	}
	s.secrets = append(s.secrets, secret)
}

// bytes returns p without the secrets: p itself when there is none in it.
func (s *scrubber) bytes(p []byte) []byte {
	if len(p) < minSecret { // nothing that is looked for is as short
		return p
	}
	for _, pattern := range s.patterns {
		if bytes.Contains(p, pattern) {
			p = bytes.ReplaceAll(p, pattern, redacted)
		}
	}
	if bytes.IndexByte(p, '\\') < 0 && bytes.IndexByte(p, '%') < 0 && bytes.IndexByte(p, '&') < 0 {
		return p
	}
	for _, secret := range s.secrets {
		p = replaced(p, secret)
	}
	return p
}

// replaced returns p without the spellings of a secret: p itself when there is
// none in it.
func replaced[T text](p T, secret []rune) T {
	start, end := find(p, 0, secret, false)
	if start < 0 {
		return p
	}
	var out []byte
	last := 0
	for ; start >= 0; start, end = find(p, last, secret, false) {
		out = append(append(out, p[last:start]...), redacted...)
		last = end
	}
	return T(append(out, p[last:]...))
}

// cut is bytes for the beginning of something longer: a secret that it ends in
// the middle of is removed too.
func (s *scrubber) cut(p []byte) []byte {
	p = s.bytes(p)
	first := len(p)
	for _, secret := range s.secrets {
		if start, _ := find(p, max(0, len(p)-maxEscape*len(secret)), secret, true); start >= 0 {
			first = min(first, start)
		}
	}
	for _, pattern := range s.patterns {
		for n := min(len(pattern)-1, len(p)); n >= minTorn; n-- {
			if bytes.HasSuffix(p, pattern[:n]) {
				first = min(first, len(p)-n)
				break
			}
		}
	}
	if first == len(p) {
		return p
	}
	return append(slices.Clip(p[:first]), redacted...)
}

// text is bytes for a string.
func (s *scrubber) text(t string) string {
	if len(t) < minSecret { // nothing that is looked for is as short
		return t
	}
	for _, pattern := range s.patterns {
		t = strings.ReplaceAll(t, string(pattern), string(redacted))
	}
	if !strings.ContainsAny(t, `\%&`) {
		return t
	}
	for _, secret := range s.secrets {
		t = replaced(t, secret)
	}
	return t
}
