package auth_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

func TestEnsureIndex(t *testing.T) {
	hash := func(seed string) string {
		sum := sha256.Sum256([]byte(seed))
		return hex.EncodeToString(sum[:8])
	}
	attrs := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	for _, c := range []struct {
		a    auth.Auth
		want string
	}{
		{auth.Auth{}, ""},
		{auth.Auth{ID: "x"}, hash("id:x")},
		{auth.Auth{ID: "x", Provider: "P"}, hash("id:x")},
		{auth.Auth{ID: "x", FileName: " f.json ", Provider: "p", Attributes: attrs("api_key", "k")}, hash("file:f.json")},
		{auth.Auth{ID: "x", Provider: "P", Attributes: attrs("api_key", "k")}, hash("config:provider=p\x00api_key=k")},
		{auth.Auth{Provider: "p", ProxyURL: "http://h", Attributes: attrs("api_key", "k", "base_url", "b", "source", "s", "compat_name", "C", "provider_key", "PK")},
			hash("config:provider=pk\x00compat=c\x00base=b\x00proxy=http://h\x00api_key=k\x00source=s")},
		{auth.Auth{Attributes: attrs("api_key", "k"), ID: "x"}, hash("id:x")},
		{auth.Auth{Attributes: attrs("auth_index_seed", " mine "), ID: "x", FileName: "f.json"}, hash("auth_index_seed:mine")},
		{auth.Auth{Index: "kept", ID: "x"}, "kept"},
	} {
		if got := c.a.EnsureIndex(); got != c.want || c.a.Index != c.want {
			t.Errorf("got %q and %q, want %q", got, c.a.Index, c.want)
		}
	}
	one := &auth.Auth{Provider: "p", Attributes: attrs("api_key", "k", "base_url", "https://a")}
	other := &auth.Auth{Provider: "p", Attributes: attrs("api_key", "k", "base_url", "https://b")}
	if one.EnsureIndex() == other.EnsureIndex() || len(one.Index) != 16 {
		t.Errorf("%q and %q", one.Index, other.Index)
	}
	if one.Clone().EnsureIndex() != one.Index {
		t.Error("a clone has another index")
	}
}

func TestNoWayOfPrintingShowsASecret(t *testing.T) {
	a := &auth.Auth{
		ID: "the-id", Provider: "prov", Label: "work", Status: auth.StatusActive, ProxyURL: "http://u:hunter2@h",
		Attributes: map[string]string{"api_key": "hunter2"}, Metadata: map[string]any{"token": "hunter2"}, Runtime: "hunter2",
	}
	type holder struct{ A *auth.Auth }
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(handler).Info("m", "pointer", a, "value", *a, "inside", holder{a}.A)
	}
	texts := []string{log.String(), a.String(), a.GoString(), (*a).String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, a), fmt.Sprintf(verb, *a), fmt.Sprintf(verb, []*auth.Auth{a}),
			fmt.Sprintf(verb, holder{a}), fmt.Sprintf(verb, []auth.Auth{*a}), fmt.Sprintf(verb, map[string]auth.Auth{"k": *a}))
	}
	texts = append(texts, fmt.Errorf("with %v", a).Error(), fmt.Sprint(a), fmt.Sprintln(*a))
	for _, s := range texts {
		if strings.Contains(s, "hunter2") || strings.Contains(s, hex.EncodeToString([]byte("hunter2"))) {
			t.Errorf("shows a secret: %s", s)
		}
	}
	for _, s := range []string{"the-id", "prov", "work", "active"} {
		if !strings.Contains(a.String(), s) || !strings.Contains(log.String(), s) {
			t.Errorf("%s does not name %s", a, s)
		}
	}
	if got := fmt.Sprintf("%v", (*auth.Auth)(nil)); got != "<nil>" {
		t.Error(got)
	}
}

func TestContexts(t *testing.T) {
	info := &auth.RequestInfo{Headers: http.Header{"A": {"b"}}}
	if got := auth.GetRequestInfo(auth.WithRequestInfo(t.Context(), info)); got != info {
		t.Error(got)
	}
	var none context.Context
	if auth.GetRequestInfo(none) != nil || auth.GetRequestInfo(t.Context()) != nil || auth.SkipPersist(none) || auth.SkipPersist(t.Context()) {
		t.Error("something is in an empty context")
	}
	if auth.GetRequestInfo(auth.WithRequestInfo(none, nil)) != nil {
		t.Error("nil info came back as something")
	}
	if !auth.SkipPersist(auth.WithSkipPersist(none)) || !auth.SkipPersist(auth.WithRequestInfo(auth.WithSkipPersist(t.Context()), info)) {
		t.Error("SkipPersist is lost")
	}
	if auth.OriginOf(none) != auth.OriginAPI || auth.OriginOf(t.Context()) != auth.OriginAPI {
		t.Error("without a word, a credential comes from a program")
	}
	if got := auth.OriginOf(auth.WithRequestInfo(auth.WithOrigin(none, auth.OriginCLI), info)); got != auth.OriginCLI {
		t.Error(got)
	}
}

func TestCanonicalModel(t *testing.T) {
	for name, want := range map[string][2]string{
		"m": {"m", ""}, "m(high)": {"m", "high"}, "m()": {"m", ""}, "m(a)(b)": {"m(a)", "b"}, "m(8192)": {"m", "8192"},
		"m)": {"m)", ""}, "(x)": {"", "x"}, "m(x) ": {"m(x) ", ""}, "": {"", ""}, "m(": {"m(", ""},
	} {
		suffix, ok := auth.Suffix(name)
		if base := auth.CanonicalModel(name); base != want[0] || suffix != want[1] || ok != (base != name) {
			t.Errorf("%q: %q and %q, %v", name, base, suffix, ok)
		}
	}
}

func TestCooldownError(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, c := range []struct {
		model, provider string
		wait            time.Duration
		body, header    string
	}{
		{"m", "p", time.Minute,
			`{"error":{"code":"model_cooldown","message":"All credentials for model m are cooling down via provider p","model":"m","reset_time":"1m0s","reset_seconds":60,"provider":"p"}}`, "60"},
		{"m", "mixed", 400 * time.Millisecond,
			`{"error":{"code":"model_cooldown","message":"All credentials for model m are cooling down","model":"m","reset_time":"1s","reset_seconds":1}}`, "1"},
		{"", "", 1100 * time.Millisecond,
			`{"error":{"code":"model_cooldown","message":"All credentials for model requested model are cooling down","model":"","reset_time":"1s","reset_seconds":2}}`, "2"},
		{"m", "", -time.Second,
			`{"error":{"code":"model_cooldown","message":"All credentials for model m are cooling down","model":"m","reset_time":"0s","reset_seconds":0}}`, "0"},
	} {
		e := auth.NewCooldownError(c.model, c.provider, now.Add(c.wait), now)
		if e.Error() != c.body || e.Headers().Get("Retry-After") != c.header || e.Headers().Get("Content-Type") != "application/json" {
			t.Errorf("%s\n%v\nwant %s", e, e.Headers(), c.body)
		}
		if e.StatusCode() != http.StatusTooManyRequests || *e.RetryAfter() != max(c.wait, 0) {
			t.Errorf("%d, %v", e.StatusCode(), *e.RetryAfter())
		}
		var coder interface{ StatusCode() int }
		if !errors.As(fmt.Errorf("wrapped: %w", e), &coder) {
			t.Error("the status is lost in a chain")
		}
	}
}
