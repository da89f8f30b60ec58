package auth

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

var expirationKeys = []string{"expired", "expire", "expires_at", "expiresAt", "expiry", "expires"}

// Layouts of times as text; the ones without a zone mean UTC.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02 15:04"}

// maxTokenDepth bounds the search through nested token objects, which foreign
// data could make as deep as it likes.
const maxTokenDepth = 8

// ExpirationTime returns when the credential's token expires, from metadata
// and the objects token and Token inside it; the first value that parses
// wins. The zero time with ok true means that a number of 0 or less stands
// there. spec: core.md 1.9.
func (a *Auth) ExpirationTime() (expires time.Time, ok bool) {
	if a == nil {
		return time.Time{}, false
	}
	return expirationIn(a.Metadata, maxTokenDepth)
}

func expirationIn(m map[string]any, depth int) (time.Time, bool) {
	if len(m) == 0 { // the search is tried twice at each depth
		return time.Time{}, false
	}
	for _, key := range expirationKeys {
		if t, ok := timeOf(m[key]); ok {
			return t, true
		}
	}
	if depth == 0 {
		return time.Time{}, false
	}
	for _, key := range []string{"token", "Token"} {
		if t, ok := expirationIn(objectOf(m[key]), depth-1); ok {
			return t, true
		}
	}
	return time.Time{}, false
}

func objectOf(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case map[string]string:
		m := make(map[string]any, len(v))
		for k, s := range v {
			m[k] = s
		}
		return m
	}
	return nil
}

func timeOf(v any) (time.Time, bool) {
	switch v := v.(type) {
	case string:
		return timeOfText(strings.TrimSpace(v))
	case time.Time:
		return v.UTC(), true
	case float64:
		n, ok := truncate(v)
		return timeOfNumber(n), ok
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return timeOfNumber(n), true
		}
		f, err := v.Float64()
		if err != nil {
			return time.Time{}, false
		}
		n, ok := truncate(f)
		return timeOfNumber(n), ok
	}
	n, ok := integerOf(v)
	return timeOfNumber(n), ok
}

func timeOfText(s string) (time.Time, bool) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	return timeOfNumber(n), true
}

// timeOfNumber reads seconds since the Unix epoch, or milliseconds when the
// number is too large for seconds.
func timeOfNumber(n int64) time.Time {
	switch {
	case n <= 0:
		return time.Time{}
	case n > 1e12:
		return time.UnixMilli(n).UTC()
	}
	return time.Unix(n, 0).UTC()
}
