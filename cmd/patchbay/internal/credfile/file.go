package credfile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// File is what a credential file says.
type File struct {
	// Provider is the key in "type", in lower case.
	Provider string
	// Email names the account; empty when the file does not say.
	Email    string
	Disabled bool
	Prefix   string
	ProxyURL string
	Priority int
	// Known holds what the core reads of a credential's metadata, under the
	// core's names.
	Known map[string]any
	// Fields holds everything else as text, by name; objects and lists as JSON.
	Fields map[string]string
}

// Parse reads a file. A key that has a meaning and a value without one is an
// error, since a guess would change what the operator meant. Errors name keys,
// never values.
func Parse(raw []byte) (*File, error) {
	top, err := object(raw)
	if err != nil {
		return nil, err
	}
	f := &File{Known: map[string]any{}, Fields: map[string]string{}}
	if err := flatten(top); err != nil {
		return nil, err
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(top)) {
		v := top[name]
		if v == nil || v == "" {
			continue // what has no value says nothing
		}
		if err := f.take(canonical(name), v); err != nil {
			problems = append(problems, err)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	if f.Provider == "" {
		return nil, errors.New(`"type" does not name a provider; is it a credential file?`)
	}
	return f, nil
}

// tokenKeys are the objects that some providers keep their tokens in.
var tokenKeys = []string{"token", "Token"}

// flatten lifts the keys of a token object up, where the file does not have
// them already. A token that is a text is a field like any other.
func flatten(top map[string]any) error {
	for _, key := range tokenKeys {
		inner, ok := top[key].(map[string]any)
		if !ok {
			continue
		}
		delete(top, key)
		for _, name := range slices.Sorted(maps.Keys(inner)) {
			if was, there := top[name]; there && was != nil && was != "" {
				if text(was) != text(inner[name]) {
					return fmt.Errorf("%s stands there twice, once in %q, and differs", Name(name), key)
				}
				continue
			}
			top[name] = inner[name]
		}
	}
	return nil
}

// canonical turns older spellings into the names that are used here.
func canonical(name string) string {
	switch name {
	case "proxy-url", "disable-cooling", "request-retry", "tool-prefix-disabled":
		return strings.ReplaceAll(name, "-", "_")
	}
	return name
}

// keep lists what the core reads of metadata, beside times of expiry.
var keep = []string{"disable_cooling", "request_retry", "tool_prefix_disabled", "last_refresh", "lastRefresh", "last_refreshed_at", "lastRefreshedAt"}

// expiry lists the keys under which a file says when its token ends.
var expiry = []string{"expired", "expire", "expires_at", "expiresAt", "expiry", "expires"}

func (f *File) take(name string, v any) error {
	switch name {
	case "type":
		return assign(&f.Provider, name, v, func(s string) string { return strings.ToLower(strings.TrimSpace(s)) })
	case "email":
		return assign(&f.Email, name, v, strings.TrimSpace)
	case "prefix":
		return assign(&f.Prefix, name, v, strings.TrimSpace)
	case "proxy_url":
		return assign(&f.ProxyURL, name, v, strings.TrimSpace)
	case "disabled":
		off, ok := boolean(v)
		if !ok {
			return fmt.Errorf("%s is neither true nor false", name)
		}
		f.Disabled = off
		return nil
	case "priority":
		n, ok := integer(v)
		if !ok {
			return fmt.Errorf("%s is not an integer", name)
		}
		f.Priority = n
		return nil
	}
	switch {
	case slices.Contains(expiry, name):
		if _, ok := (&auth.Auth{Metadata: map[string]any{name: v}}).ExpirationTime(); !ok {
			return fmt.Errorf("%s is not a time", name)
		}
		f.Known[name] = v
	case slices.Contains(keep, name):
		f.Known[name] = v
	default:
		f.Fields[name] = text(v)
	}
	return nil
}

// IsKnown reports whether a key is one of File.Known.
func IsKnown(name string) bool { return slices.Contains(keep, name) || slices.Contains(expiry, name) }

func assign(into *string, name string, v any, clean func(string) string) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("%s is not a text", name)
	}
	*into = clean(s)
	return nil
}

// maxName is the longest name of a key that is shown.
const maxName = 64

// Name returns a key of a foreign file so that it can be shown. One that does
// not look like a name might be a value that stands in the wrong place.
func Name(key string) string {
	odd := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.' || r == ' ')
	}
	if key == "" || len(key) > maxName || strings.ContainsFunc(key, odd) {
		return fmt.Sprintf("(a name of %d bytes)", len(key))
	}
	return key
}
