package auth_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

func with(key string, v any) *auth.Auth { return &auth.Auth{Metadata: map[string]any{key: v}} }

func TestRequestRetryOverride(t *testing.T) {
	for _, c := range []struct {
		a    *auth.Auth
		want int
		ok   bool
	}{
		{with("request_retry", "2"), 2, true},
		{with("request_retry", " 2 "), 2, true},
		{with("request_retry", 2.0), 2, true},
		{with("request_retry", 2.9), 2, true},
		{with("request_retry", json.Number("2")), 2, true},
		{with("request_retry", 2), 2, true},
		{with("request_retry", int8(2)), 2, true},
		{with("request_retry", int32(2)), 2, true},
		{with("request_retry", uint64(2)), 2, true},
		{with("request_retry", 0), 0, true},
		{with("request-retry", 3), 3, true},
		{with("request_retry", "-1"), 0, false},
		{with("request_retry", -1), 0, false},
		{with("request_retry", "two"), 0, false},
		{with("request_retry", json.Number("2.5")), 0, false},
		{with("request_retry", true), 0, false},
		{with("request_retry", nil), 0, false},
		{with("request_retry", math.NaN()), 0, false},
		{with("request_retry", math.Inf(1)), 0, false},
		{with("request_retry", uint64(math.MaxUint64)), 0, false},
		{&auth.Auth{Metadata: map[string]any{"request_retry": "x", "request-retry": 4}}, 4, true},
		{&auth.Auth{Metadata: map[string]any{"request_retry": 1, "request-retry": 4}}, 1, true},
		{&auth.Auth{}, 0, false},
		{nil, 0, false},
	} {
		if got, ok := c.a.RequestRetryOverride(); got != c.want || ok != c.ok {
			t.Errorf("%v: %d, %v; want %d, %v", metadataOf(c.a), got, ok, c.want, c.ok)
		}
	}
}

func metadataOf(a *auth.Auth) any {
	if a == nil {
		return nil
	}
	return a.Metadata
}

func TestDisableCoolingOverride(t *testing.T) {
	for _, c := range []struct {
		value    any
		want, ok bool
	}{
		{true, true, true}, {false, false, true}, {"true", true, true}, {" T ", true, true}, {"0", false, true},
		{1.0, true, true}, {0.0, false, true}, {json.Number("3"), true, true}, {json.Number("x"), false, false},
		{"", false, false}, {"yes", false, false}, {nil, false, false}, {[]any{}, false, false},
	} {
		for _, key := range []string{"disable_cooling", "disable-cooling"} {
			if got, ok := with(key, c.value).DisableCoolingOverride(); got != c.want || ok != c.ok {
				t.Errorf("%s %#v: %v, %v", key, c.value, got, ok)
			}
		}
	}
	if !with("tool_prefix_disabled", "1").ToolPrefixDisabled() || !with("tool-prefix-disabled", true).ToolPrefixDisabled() ||
		with("tool_prefix_disabled", "x").ToolPrefixDisabled() || (&auth.Auth{}).ToolPrefixDisabled() {
		t.Error("ToolPrefixDisabled")
	}
}

func TestExpirationTime(t *testing.T) {
	want := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, v := range []any{
		"2030-01-02T03:04:05Z", "2030-01-02T04:04:05+01:00", "2030-01-02T03:04:05.000Z", "2030-01-02 03:04:05",
		1893553445, int64(1893553445), uint32(1893553445), 1893553445.7, json.Number("1893553445"), json.Number("1893553445.5"),
		1893553445000, 1893553445000.0, "1893553445", "1893553445000", want,
	} {
		for _, key := range []string{"expired", "expire", "expires_at", "expiresAt", "expiry", "expires"} {
			if got, ok := with(key, v).ExpirationTime(); !ok || !got.Equal(want) || got.Location() != time.UTC {
				t.Errorf("%s %#v: %v, %v", key, v, got, ok)
			}
		}
	}
	for name, a := range map[string]*auth.Auth{
		"nested":       with("token", map[string]any{"expiry": "2030-01-02T03:04:05Z"}),
		"of strings":   with("Token", map[string]string{"expires": "1893553445"}),
		"twice":        with("token", map[string]any{"Token": map[string]any{"expiry": 1893553445}}),
		"skips":        {Metadata: map[string]any{"expired": "soon", "expiry": 1893553445}},
		"outer first":  {Metadata: map[string]any{"expires": 1893553445, "token": map[string]any{"expired": 1}}},
		"token before": {Metadata: map[string]any{"token": map[string]any{"expired": 1893553445}, "Token": map[string]any{"expired": 1}}},
	} {
		if got, ok := a.ExpirationTime(); !ok || !got.Equal(want) {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
	for _, v := range []any{"", "soon", nil, true, math.Inf(1), []any{1}, json.Number("x")} {
		if got, ok := with("expired", v).ExpirationTime(); ok {
			t.Errorf("%#v: %v", v, got)
		}
	}
	for _, v := range []any{0, -5, "0", 0.0, json.Number("-1")} {
		if got, ok := with("expired", v).ExpirationTime(); !ok || !got.IsZero() {
			t.Errorf("%#v: %v, %v", v, got, ok)
		}
	}
	if got, ok := with("expired", "2030-01-02 03:04").ExpirationTime(); !ok || !got.Equal(want.Truncate(time.Minute)) {
		t.Errorf("without seconds: %v, %v", got, ok)
	}
	if _, ok := (*auth.Auth)(nil).ExpirationTime(); ok {
		t.Error("nil has an expiry")
	}
	loop := map[string]any{}
	loop["token"] = loop
	if _, ok := (&auth.Auth{Metadata: loop}).ExpirationTime(); ok {
		t.Error("a loop has an expiry")
	}
}

func TestAccountInfo(t *testing.T) {
	for _, c := range []struct {
		a           auth.Auth
		kind, value string
	}{
		{auth.Auth{}, "", ""},
		{auth.Auth{Attributes: map[string]string{"api_key": " k "}}, "api_key", " k "},
		{auth.Auth{Metadata: map[string]any{"email": "a@b"}}, "oauth", "a@b"},
		{auth.Auth{Metadata: map[string]any{"email": " "}, Attributes: map[string]string{"api_key": "k"}}, "api_key", "k"},
		{auth.Auth{Metadata: map[string]any{"email": "a@b"}, Attributes: map[string]string{"api_key": "k"}}, "oauth", "a@b"},
		{auth.Auth{Provider: "gemini-cli", Metadata: map[string]any{"email": "a@b", "project_id": "x"}}, "oauth", "a@b (x)"},
		{auth.Auth{Provider: "Gemini-CLI", Metadata: map[string]any{"email": "a@b"}}, "oauth", "a@b"},
		{auth.Auth{Provider: "gemini", Metadata: map[string]any{"email": "a@b", "project_id": "x"}}, "oauth", "a@b"},
		{auth.Auth{Metadata: map[string]any{"email": 5}}, "", ""},
	} {
		if kind, value := c.a.AccountInfo(); kind != c.kind || value != c.value {
			t.Errorf("%v: %q, %q", c.a.Metadata, kind, value)
		}
	}
	if kind, _ := (*auth.Auth)(nil).AccountInfo(); kind != "" {
		t.Error(kind)
	}
}

func TestProxyInfo(t *testing.T) {
	for url, want := range map[string]string{
		"": "", "http://u:p@h:1": "via http proxy", "socks5://h": "via socks5 proxy", "h:1": "via proxy", "://h": "via proxy",
	} {
		if got := (&auth.Auth{ProxyURL: url}).ProxyInfo(); got != want {
			t.Errorf("%q: %q", url, got)
		}
	}
}
