package boltstore

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// TestHealthOfRecordsThatOthersKeep: it survives the process, belongs to the
// secrets and the destination that it was learned of, and leaves nothing behind
// when nothing is held.
func TestHealthOfRecordsThatOthersKeep(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	until := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	declared := func() *auth.Auth {
		return &auth.Auth{
			ID: "cfg-1", Provider: "echo", Metadata: map[string]any{"api_key": "sk-one"},
			Attributes: map[string]string{"base_url": "https://a.example", auth.AttrSource: "config:f:1", auth.AttrRuntimeOnly: "true"},
		}
	}
	a := declared()
	a.ModelStates = map[string]*auth.ModelState{"m": {
		Status: auth.StatusError, Unavailable: true, NextRetryAfter: until, ProbeWait: time.Hour, Source: auth.SourceHeader,
		Quota: auth.QuotaState{Exceeded: true, Reason: "quota", NextRecoverAt: until, BackoffLevel: 3},
	}}
	if err := s.SaveHealth(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	s = open(t, path)
	if len(list(t, s)) != 0 {
		t.Fatal("the record itself was kept")
	}
	for name, c := range map[string]struct {
		change func(*auth.Auth)
		known  bool
	}{
		"the same":            {func(*auth.Auth) {}, true},
		"on another line":     {func(a *auth.Auth) { a.Attributes[auth.AttrSource] = "config:f:9" }, true},
		"another weight":      {func(a *auth.Auth) { a.Attributes[auth.AttrWeight] = "3" }, true},
		"another key":         {func(a *auth.Auth) { a.Metadata["api_key"] = "sk-two" }, false},
		"another destination": {func(a *auth.Auth) { a.Attributes["base_url"] = "https://b.example" }, false},
		"another proxy":       {func(a *auth.Auth) { a.ProxyURL = "http://127.0.0.1:1" }, false},
		"another credential":  {func(a *auth.Auth) { a.ID = "cfg-2" }, false},
	} {
		b := declared()
		c.change(b)
		got, err := s.Health(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]*auth.ModelState
		if c.known {
			want = a.ModelStates
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	a.ModelStates["m"] = &auth.ModelState{Status: auth.StatusActive}
	for range 2 {
		if err := s.SaveHealth(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := s.Records(Cooldowns).All(t.Context()); err != nil || len(left) != 0 {
		t.Fatalf("left %v, %v", left, err)
	}
}

func TestHealthThatCannotBeRead(t *testing.T) {
	s := open(t, newPath(t))
	a := simple("cfg-1", "secret-value")
	if err := s.Records(Cooldowns).Put(t.Context(), a.ID, []byte("{")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Health(t.Context(), a); err == nil {
		t.Fatal("no error")
	}
}
