package driver

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
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
// of both alphabets at any alignment, and as JSON escapes them.
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
	// The longest first: a secret that contains another goes as a whole.
	slices.SortStableFunc(s.patterns, func(a, b []byte) int { return len(b) - len(a) })
	return s
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
	s.patterns = append(s.patterns, []byte(v))
	if quoted, err := json.Marshal(v); err == nil {
		if escaped := quoted[1 : len(quoted)-1]; string(escaped) != v {
			s.patterns = append(s.patterns, escaped)
		}
	}
	if slashes := strings.ReplaceAll(v, "/", `\/`); slashes != v {
		s.patterns = append(s.patterns, []byte(slashes))
	}
	for offset := range 3 {
		// The characters that only the secret's own bits decide, when it
		// stands offset bytes behind a border of three.
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, offset), v...))
		inner := text[(offset*8+5)/6 : (offset+len(v))*8/6]
		s.patterns = append(s.patterns, []byte(inner))
		if url := strings.NewReplacer("+", "-", "/", "_").Replace(inner); url != inner {
			s.patterns = append(s.patterns, []byte(url))
		}
	}
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
	for _, pattern := range s.patterns {
		t = strings.ReplaceAll(t, string(pattern), string(redacted))
	}
	return t
}
