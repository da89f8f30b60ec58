package driver

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryHint(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	h := func(pairs ...string) http.Header {
		out := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			out.Set(pairs[i], pairs[i+1])
		}
		return out
	}
	for _, c := range []struct {
		name   string
		status int
		header http.Header
		body   time.Duration
		want   time.Duration // 0 means no hint
	}{
		{"none", 429, h(), 0, 0},
		{"ms first", 429, h("Retry-After-Ms", "1500", "Retry-After", "9"), 3 * time.Second, 1500 * time.Millisecond},
		{"seconds", 429, h("Retry-After", "9"), 3 * time.Second, 9 * time.Second},
		{"fractions", 429, h("Retry-After", " 0.5 "), 0, 500 * time.Millisecond},
		{"date", 503, h("Retry-After", now.Add(time.Minute).Format(http.TimeFormat)), 0, time.Minute},
		{"past date", 429, h("Retry-After", now.Add(-time.Minute).Format(http.TimeFormat)), 0, 0},
		{"negative, so the body", 429, h("Retry-After", "-5"), 3 * time.Second, 3 * time.Second},
		{"zero", 429, h("Retry-After", "0"), 0, 0},
		{"not a number", 429, h("Retry-After", "NaN", "Retry-After-Ms", "soon"), 0, 0},
		{"ten years", 429, h("Retry-After", "315360000"), 0, maxHint},
		{"absurd", 429, h("Retry-After", "1e300"), 0, maxHint},
		{"infinite", 429, h("Retry-After", "Inf"), 0, maxHint},
		{"on another status too", 400, h("Retry-After", "2"), 0, 2 * time.Second},
		{"window used up", 429, h("X-Ratelimit-Remaining-Requests", "0", "X-Ratelimit-Reset-Requests", "6m0s", "X-Ratelimit-Remaining-Tokens", "5", "X-Ratelimit-Reset-Tokens", "9h"), 0, 6 * time.Minute},
		{"the longer of two", 429, h("X-Ratelimit-Remaining-Requests", "0", "X-Ratelimit-Reset-Requests", "12ms", "X-Ratelimit-Remaining-Tokens", "0", "X-Ratelimit-Reset-Tokens", "20"), 0, 20 * time.Second},
		{"rfc 3339", 429, h("Anthropic-Ratelimit-Tokens-Remaining", "0", "Anthropic-Ratelimit-Tokens-Reset", now.Add(time.Hour).Format(time.RFC3339)), 0, time.Hour},
		{"epoch seconds", 429, h("Ratelimit-Remaining", "0", "Ratelimit-Reset", "1893553505"), 0, time.Minute},
		{"epoch milliseconds", 429, h("X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", "1893553505000"), 0, time.Minute},
		{"past epoch", 429, h("X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", "1700000000"), 0, 0},
		{"windows only when limited", 500, h("X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", "5"), 0, 0},
		{"nothing used up", 429, h("X-Ratelimit-Remaining", "-1", "X-Ratelimit-Reset", "5"), 0, 0},
	} {
		got, _ := retryHint(c.status, c.header, c.body, now)
		switch {
		case c.want == 0 && got != nil:
			t.Errorf("%s: %v, want none", c.name, *got)
		case c.want != 0 && (got == nil || *got != c.want):
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
