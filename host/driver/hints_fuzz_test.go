package driver

import (
	"net/http"
	"testing"
	"time"
)

// FuzzRetryHint: whatever the headers of an answer say, a hint is in the future
// and not over maxHint, and says where it was found.
func FuzzRetryHint(f *testing.F) {
	for _, seed := range [][3]string{
		{"9", "", ""}, {"-5", "NaN", "-1"}, {"315360000", "1e300", "Inf"}, {"Wed, 02 Jan 2030 03:05:05 GMT", "", ""},
		{"Thu, 01 Jan 1970 00:00:00 GMT", "0x1p-1074", "6m0s"}, {"", "1500", "1893553505000"}, {"1e-300", "", "9999-12-31T23:59:59Z"},
		{"+Inf", "-0", "-9223372036854775808ns"},
	} {
		f.Add(429, seed[0], seed[1], seed[2], int64(0))
		f.Add(503, seed[0], seed[1], seed[2], int64(-1))
	}
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	f.Fuzz(func(t *testing.T, status int, after, ms, reset string, body int64) {
		h := http.Header{"Retry-After": {after}, "Retry-After-Ms": {ms}, "X-Ratelimit-Remaining-Requests": {"0"}, "X-Ratelimit-Reset-Requests": {reset}}
		d, source := retryHint(status, h, time.Duration(body), now)
		if (d == nil) != (source == "") {
			t.Fatalf("hint %v from %q", d, source)
		}
		if d != nil && (*d <= 0 || *d > maxHint) {
			t.Fatalf("a hint of %v", *d)
		}
	})
}
