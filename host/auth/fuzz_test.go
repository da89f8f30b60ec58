package auth_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// readMetadata reads everything that the core reads of a record, and checks what
// must hold of each answer.
func readMetadata(t *testing.T, a *auth.Auth) {
	t.Helper()
	if n, ok := a.RequestRetryOverride(); n < 0 || n > math.MaxInt32 || !ok && n != 0 {
		t.Errorf("request retry %d (%v)", n, ok)
	}
	if v, ok := a.DisableCoolingOverride(); v && !ok {
		t.Error("a word on cooling that is none")
	}
	if v, ok := a.RefreshDisabledOverride(); v && !ok {
		t.Error("a word on refreshing that is none")
	}
	a.ToolPrefixDisabled()
	a.Websockets()
	a.RuntimeOnly()
	a.AllowPrivate()
	a.Priority()
	a.Group()
	a.QuotaGroup()
	a.DeclaredModels()
	a.ProxyInfo()
	if kind, value := a.AccountInfo(); (kind == "") != (value == "") {
		t.Errorf("account %q without a value", kind)
	}
	if n := a.Weight(); n < 1 || n > auth.MaxWeight {
		t.Errorf("weight %d", n)
	}
	if n := a.MaxInFlight(); n < 0 || n > math.MaxInt32 {
		t.Errorf("in-flight limit %d", n)
	}
	if at, ok := a.ExpirationTime(); !ok && !at.IsZero() {
		t.Errorf("expires at %v without saying so", at)
	}
	if d, ok := a.RefreshInterval(); ok != (d > 0) {
		t.Errorf("interval %v (%v)", d, ok)
	}
	c := a.Clone()
	if a.EnsureIndex() != c.EnsureIndex() {
		t.Error("a clone has another index")
	}
	if b := a.Block("m", time.Unix(0, 0)); b.Reason == auth.NotBlocked && !b.Until.IsZero() {
		t.Errorf("until %v without a block", b.Until)
	}
}

// FuzzMetadata: whatever a record from a store or a plugin holds, every reader has
// a defined answer and none panics.
func FuzzMetadata(f *testing.F) {
	for _, seed := range []string{
		`{"request_retry":"2","disable_cooling":"T","expired":"2030-01-02T03:04:05Z"}`,
		`{"request_retry":-1e308,"disable-cooling":1,"expires_at":1893553445000,"refresh_interval":1e999}`,
		`{"request-retry":9223372036854775808,"expiry":-1,"token":{"Token":{"expires":0}}}`,
		`{"request_retry":null,"expire":"0000-00-00 00:00","websockets":[],"email":{},"token":"x"}`,
		`{"expired":1e18,"last_refresh":"9999-12-31T23:59:59Z","weight":"x"}`,
		`{}`,
	} {
		f.Add(seed, "priority", "9999999999999999999999")
	}
	f.Add(`{"email":"a@b"}`, "weight", "-1")
	f.Add(`{}`, "max_in_flight", "1e9")
	f.Add(`{}`, "models", `["a",{}]`)
	f.Add(`{}`, "model_aliases", `[{"name":"a","alias":"a"}]`)
	f.Fuzz(func(t *testing.T, metadata, key, value string) {
		a := &auth.Auth{ID: "a", Provider: "p", Attributes: map[string]string{key: value}}
		if json.Unmarshal([]byte(metadata), &a.Metadata) != nil {
			return
		}
		readMetadata(t, a)
	})
}

// FuzzRecord does the same for a whole record, as a damaged or foreign store may
// hold it.
func FuzzRecord(f *testing.F) {
	f.Add(`{"id":"a","provider":"p","metadata":{"token":null},"model_states":{"m":null,"":{"unavailable":true}}}`)
	f.Add(`{"id":"a","unavailable":true,"next_retry_after":"9999-12-31T23:59:59Z","quota":{"backoff_level":-5,"exceeded":true}}`)
	f.Add(`{"id":"","attributes":{"priority":"x"},"model_states":{"m":{"probe_wait":-1,"status":"disabled"}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var a auth.Auth
		if json.Unmarshal([]byte(text), &a) != nil {
			return
		}
		readMetadata(t, &a)
	})
}

// TestNilRecords: there is an answer for no record too.
func TestNilRecords(t *testing.T) {
	var a *auth.Auth
	if a.EnsureIndex() != "" || a.Clone() != nil || a.Block("m", time.Now()).Reason != auth.BlockedOther || a.RefreshToken() != "" || a.ToolPrefixDisabled() {
		t.Error("something of nothing")
	}
	if a.Priority() != 0 || a.Group() != "" || a.QuotaGroup() != "" || a.Weight() != 1 || a.MaxInFlight() != 0 || a.RuntimeOnly() ||
		a.AllowPrivate() || a.DeclaredModels() != nil || a.Websockets() || a.ProxyInfo() != "" || a.AccessToken() != "" {
		t.Error("an attribute of nothing")
	}
	if kind, value := a.AccountInfo(); kind != "" || value != "" || a.Kind() != "" {
		t.Error("an account of nothing")
	}
	if _, ok := a.ExpirationTime(); ok {
		t.Error("nothing expires")
	}
	if _, ok := a.RequestRetryOverride(); ok {
		t.Error("nothing has a word on retries")
	}
	if _, ok := a.LastRefresh(); ok {
		t.Error("nothing was refreshed")
	}
}
