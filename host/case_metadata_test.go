package host_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// stored returns what the manager makes of a credential with one metadata key.
func (r *rig) stored(key string, value any) *auth.Auth {
	r.t.Helper()
	r.add(auth.Auth{ID: "a", Provider: "p", Metadata: map[string]any{key: value}}, "m")
	a, _ := r.GetByID("a")
	return a
}

func TestCase43Expiry(t *testing.T) {
	r := newRig(t)
	want := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, v := range []any{
		"2030-01-02T03:04:05Z", "2030-01-02T05:04:05+02:00", "2030-01-02 03:04:05", "1893553445", float64(1893553445), 1893553445,
		int64(1893553445000), json.Number("1893553445"), json.Number("1893553445000"),
	} {
		got, ok := r.stored("expired", v).ExpirationTime()
		if !ok || !got.Equal(want) {
			t.Errorf("%T %v: %v, %v", v, v, got, ok)
		}
	}
	got, ok := r.stored("token", map[string]any{"expiry": "2030-01-02T03:04:05Z"}).ExpirationTime()
	if !ok || !got.Equal(want) {
		t.Errorf("nested: %v, %v", got, ok)
	}
	for _, v := range []any{"", "soon", true, nil, []any{}} {
		if got, ok := r.stored("expires_at", v).ExpirationTime(); ok {
			t.Errorf("%v: %v", v, got)
		}
	}
	got, ok = r.stored("expiry", 0).ExpirationTime()
	if !ok || !got.IsZero() {
		t.Errorf("zero: %v, %v", got, ok)
	}
}

func TestCase44RetryOverride(t *testing.T) {
	r := newRig(t)
	for _, v := range []any{"2", 2.0, json.Number("2"), 2, int64(2)} {
		n, ok := r.stored("request_retry", v).RequestRetryOverride()
		same(t, "override", n, 2)
		same(t, "present", ok, true)
	}
	for _, v := range []any{"-1", -1, "x", nil, true} {
		n, ok := r.stored("request-retry", v).RequestRetryOverride()
		same(t, "override", n, 0)
		same(t, "present", ok, false)
	}
}

// TestCase44InRounds: what the override says is what a request does, whatever it
// is written as.
func TestCase44InRounds(t *testing.T) {
	for _, c := range []struct {
		own   any
		calls int
	}{{"2", 3}, {2.0, 3}, {json.Number("2"), 3}, {"0", 1}, {"-1", 2}, {-1, 2}, {"x", 2}, {nil, 2}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, onWallClock)
			r.SetRetryConfig(1, 30*time.Second, 0)
			p := fails("p", map[string]error{"a": hinted(429, time.Second)})
			r.RegisterExecutor(p)
			r.stored("request_retry", c.own)
			if _, err := r.ask("m", "p"); statusOf(err) != 429 {
				t.Fatal(err)
			}
			if n := len(p.seen()); n != c.calls {
				t.Errorf("%T %v: %d calls, want %d", c.own, c.own, n, c.calls)
			}
		})
	}
}
