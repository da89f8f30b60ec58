package auth

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Metadata keys that say when a credential was or is to be refreshed, newest
// spelling first. spec: core.md 1.8.
var (
	keysRefreshInterval = []string{"refresh_interval_seconds", "refreshIntervalSeconds", "refresh_interval", "refreshInterval"}
	keysLastRefresh     = []string{"last_refresh", "lastRefresh", "last_refreshed_at", "lastRefreshedAt"}
	keysRefreshToken    = []string{"refresh_token", "refreshToken"}
	keysAccessToken     = []string{"access_token", "accessToken"}
)

// RefreshToken returns the token that new tokens are got with, from metadata or
// an object token or Token inside it; empty when there is none. It is a secret.
func (a *Auth) RefreshToken() string { return a.token(keysRefreshToken) }

// AccessToken returns the token that requests are made with, from where
// RefreshToken looks; empty when there is none. It is a secret.
func (a *Auth) AccessToken() string { return a.token(keysAccessToken) }

func (a *Auth) token(keys []string) string {
	if a == nil {
		return ""
	}
	return tokenIn(a.Metadata, keys, maxTokenDepth)
}

func tokenIn(m map[string]any, keys []string, depth int) string {
	for _, key := range keys {
		if s, ok := m[key].(string); ok && strings.TrimSpace(s) != "" {
			return s
		}
	}
	if depth == 0 {
		return ""
	}
	for _, key := range []string{"token", "Token"} {
		if inner := objectOf(m[key]); inner != nil {
			if s := tokenIn(inner, keys, depth-1); s != "" {
				return s
			}
		}
	}
	return ""
}

// RefreshInterval returns how often the credential itself wants to be refreshed,
// from metadata or attributes refresh_interval_seconds or refresh_interval: a
// number of seconds, or a Go duration as text. What is not more than 0, or longer
// than a duration can be, counts as absent.
func (a *Auth) RefreshInterval() (every time.Duration, ok bool) {
	return lookupEither(a, keysRefreshInterval, durationOf)
}

// LastRefresh returns when the credential was last refreshed, as far as anybody
// noted it: the manager in LastRefreshedAt, else a login in metadata or
// attributes last_refresh or last_refreshed_at.
func (a *Auth) LastRefresh() (at time.Time, ok bool) {
	if a == nil {
		return time.Time{}, false
	}
	if !a.LastRefreshedAt.IsZero() {
		return a.LastRefreshedAt, true
	}
	return lookupEither(a, keysLastRefresh, func(v any) (time.Time, bool) {
		t, ok := timeOf(v)
		return t, ok && !t.IsZero()
	})
}

// lookupEither asks metadata, then attributes.
func lookupEither[T any](a *Auth, keys []string, parse func(any) (T, bool)) (T, bool) {
	if v, ok := lookup(a, keys, parse); ok {
		return v, true
	}
	if a != nil {
		for _, key := range keys {
			if v, ok := parse(a.Attributes[key]); ok {
				return v, true
			}
		}
	}
	var zero T
	return zero, false
}

func durationOf(v any) (time.Duration, bool) {
	var seconds float64
	switch v := v.(type) {
	case float64:
		seconds = v
	case string:
		s := strings.TrimSpace(v)
		if d, err := time.ParseDuration(s); err == nil {
			return d, d > 0
		}
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return 0, false
		}
		seconds = f
	default:
		n, ok := intOf(v)
		if !ok {
			return 0, false
		}
		seconds = float64(n)
	}
	if math.IsNaN(seconds) || seconds <= 0 || seconds >= math.MaxInt64/float64(time.Second) {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}
