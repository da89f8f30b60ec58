package driver

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/host/executor"
)

// maxHint bounds a provider's hint. The core blocks for less; the true reset
// is kept for display.
const maxHint = 366 * 24 * time.Hour

// hint makes d a hint: nil when it is not in the future, never over maxHint.
func hint(d time.Duration) *time.Duration {
	if d <= 0 {
		return nil
	}
	d = min(d, maxHint)
	return &d
}

// retryHint finds when a provider wants to be asked again: retry-after-ms, then
// Retry-After, then what the body said, then the latest reset of the windows
// that have nothing left. It also says where that was: one of the Hint constants
// of host/executor, empty without a hint. spec: providers.md, "Hint parse order".
func retryHint(status int, h http.Header, body time.Duration, now time.Time) (d *time.Duration, source string) {
	if d = headerHint(h, now); d != nil {
		return d, executor.HintHeader
	}
	if d = hint(body); d != nil {
		return d, executor.HintBody
	}
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return nil, ""
	}
	if d = hint(windowReset(h, now)); d != nil {
		return d, executor.HintHeader
	}
	return nil, ""
}

// headerHint reads the headers whose one purpose is the hint.
func headerHint(h http.Header, now time.Time) *time.Duration {
	if ms, err := strconv.ParseFloat(strings.TrimSpace(h.Get("Retry-After-Ms")), 64); err == nil && ms > 0 {
		return hint(scale(ms, time.Millisecond))
	}
	if raw := strings.TrimSpace(h.Get("Retry-After")); raw != "" {
		if s, err := strconv.ParseFloat(raw, 64); err == nil {
			if s > 0 {
				return hint(scale(s, time.Second))
			}
		} else if at, err := http.ParseTime(raw); err == nil && at.After(now) {
			return hint(at.Sub(now))
		}
	}
	return nil
}

// windowReset returns the longest wait of the rate limit windows whose
// remaining is 0. The families of names differ, but each pairs a header with
// "remaining" and one with "reset".
func windowReset(h http.Header, now time.Time) time.Duration {
	var longest time.Duration
	for name, values := range h {
		lower := strings.ToLower(name)
		if len(values) == 0 || !strings.Contains(lower, "ratelimit") || !strings.Contains(lower, "remaining") {
			continue
		}
		if n, err := strconv.ParseFloat(strings.TrimSpace(values[0]), 64); err != nil || n != 0 {
			continue
		}
		longest = max(longest, parseReset(h.Get(strings.Replace(lower, "remaining", "reset", 1)), now))
	}
	return longest
}

// parseReset reads a reset: a Go duration, seconds from now, seconds or
// milliseconds since the epoch, or RFC 3339. What is neither, or past, is 0.
func parseReset(raw string, now time.Time) time.Duration {
	raw = strings.TrimSpace(raw)
	if n, err := strconv.ParseFloat(raw, 64); err == nil {
		switch {
		case n > 1e12:
			return scale(n-float64(now.UnixMilli()), time.Millisecond)
		case n > 1e9:
			return scale(n-float64(now.Unix()), time.Second)
		}
		return scale(n, time.Second)
	}
	if d, err := time.ParseDuration(raw); err == nil {
		return max(d, 0)
	}
	if at, err := time.Parse(time.RFC3339, raw); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// scale makes a duration of n units: maxHint for more, 0 for what is negative
// or no number.
func scale(n float64, unit time.Duration) time.Duration {
	if n >= float64(maxHint)/float64(unit) {
		return maxHint
	}
	if !(n > 0) {
		return 0
	}
	return time.Duration(n * float64(unit))
}
