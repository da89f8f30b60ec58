package auth

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// Keys of Auth.Metadata that the core reads, each with its older spelling. A
// value that does not parse falls through to the older key, then to absent.
// spec: core.md 1.8.
var (
	keysDisableCooling     = []string{MetaDisableCooling, "disable-cooling"}
	keysRequestRetry       = []string{MetaRequestRetry, "request-retry"}
	keysToolPrefixDisabled = []string{"tool_prefix_disabled", "tool-prefix-disabled"}
	keysRefreshDisabled    = []string{MetaRefreshDisabled, "refresh-disabled"}
)

// Keys of Metadata that are a credential's own words on what is otherwise set for
// all; see the methods that read them.
const (
	MetaDisableCooling  = "disable_cooling"
	MetaRequestRetry    = "request_retry"
	MetaRefreshDisabled = "refresh_disabled"
)

// DisableCoolingOverride returns the credential's own word on cooling from
// metadata disable_cooling. An explicit false is a word too.
func (a *Auth) DisableCoolingOverride() (disable, ok bool) {
	return lookup(a, keysDisableCooling, boolOf)
}

// RequestRetryOverride returns how many further rounds the credential allows,
// from metadata request_retry. A negative number counts as absent.
func (a *Auth) RequestRetryOverride() (rounds int, ok bool) {
	return lookup(a, keysRequestRetry, func(v any) (int, bool) {
		n, ok := intOf(v)
		if !ok || n < 0 || n > math.MaxInt32 {
			return 0, false
		}
		return int(n), true
	})
}

// RefreshDisabledOverride returns whether the credential wants to be refreshed
// while it is switched off, from metadata refresh_disabled.
func (a *Auth) RefreshDisabledOverride() (refresh, ok bool) {
	return lookup(a, keysRefreshDisabled, boolOf)
}

// ToolPrefixDisabled reports whether tool names go upstream without the proxy
// prefix, from metadata tool_prefix_disabled; false by default.
func (a *Auth) ToolPrefixDisabled() bool {
	v, _ := lookup(a, keysToolPrefixDisabled, boolOf)
	return v
}

func lookup[T any](a *Auth, keys []string, parse func(any) (T, bool)) (T, bool) {
	if a != nil {
		for _, key := range keys {
			if v, ok := parse(a.Metadata[key]); ok {
				return v, true
			}
		}
	}
	var zero T
	return zero, false
}

func boolOf(v any) (value, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		b, err := strconv.ParseBool(strings.TrimSpace(v))
		return b, err == nil
	case float64:
		return v != 0, true
	case json.Number:
		n, err := v.Int64()
		return n != 0, err == nil
	}
	return false, false
}

// intOf reads every kind of integer, a number with its fraction cut off, and
// decimal text.
func intOf(v any) (int64, bool) {
	switch v := v.(type) {
	case float64:
		return truncate(v)
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	case string:
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		return n, err == nil
	}
	return integerOf(v)
}

// integerOf reads every kind of Go integer that an int64 holds.
func integerOf(v any) (int64, bool) {
	r := reflect.ValueOf(v)
	switch {
	case !r.IsValid():
		return 0, false
	case r.CanInt():
		return r.Int(), true
	case r.CanUint() && r.Uint() <= math.MaxInt64:
		return int64(r.Uint()), true
	}
	return 0, false
}

// truncate cuts the fraction off; a number that an int64 cannot hold is no
// number.
func truncate(f float64) (int64, bool) {
	if math.IsNaN(f) || f < -(1<<63) || f >= 1<<63 {
		return 0, false
	}
	return int64(f), true
}
