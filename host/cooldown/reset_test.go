package cooldown_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
	"github.com/patchbay-dev/patchbay/host/settings"
)

var resetAt = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// held makes a record that failures of these models, "" for the whole, have
// blocked.
func held(t *testing.T, models ...string) *auth.Auth {
	t.Helper()
	a := &auth.Auth{ID: "a", Status: auth.StatusActive}
	for _, model := range models {
		res := auth.Result{AuthID: "a", Model: model, CredentialScope: model == "", Error: &auth.Error{HTTPStatus: http.StatusTooManyRequests, Message: "slow down"}}
		if !cooldown.Apply(a, res, settings.DefaultCooldown(), false, resetAt) {
			t.Fatalf("nothing was held against %q", model)
		}
	}
	return a
}

func TestReset(t *testing.T) {
	for _, c := range []struct {
		name    string
		models  []string
		reset   string
		changed bool
		left    []string
	}{
		{"all of two models", []string{"m", "n"}, "", true, nil},
		{"one of two", []string{"m", "n"}, "m", true, []string{"n"}},
		{"with a suffix", []string{"m"}, "m(high)", true, nil},
		{"one that is free", []string{"m"}, "n", false, []string{"m"}},
		{"the whole", []string{""}, "", true, nil},
		{"a model below the whole", []string{"", "m"}, "m", true, []string{""}},
		{"a clean record", nil, "", false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := held(t, c.models...)
			before := a.Clone()
			given := *a
			if got := cooldown.Reset(&given, c.reset, resetAt); got != c.changed {
				t.Errorf("changed: %v", got)
			}
			if diff := cmp.Diff(before, a); diff != "" {
				t.Errorf("what was shared is written (-want +got):\n%s", diff)
			}
			var left []string
			for _, h := range cooldown.List(&given, resetAt) {
				left = append(left, h.Model)
			}
			if diff := cmp.Diff(c.left, left); diff != "" {
				t.Errorf("still held (-want +got):\n%s", diff)
			}
			if free := c.left == nil; free && (given.Status != auth.StatusActive || given.LastError != nil || given.StatusMessage != "" || given.Unavailable || given.Quota.Exceeded) {
				t.Errorf("still says %v", given.LastError)
			}
		})
	}
}

func TestResetBeginsTheLadderAnew(t *testing.T) {
	a := &auth.Auth{ID: "a", Status: auth.StatusActive}
	now := resetAt
	fail := func() time.Duration {
		cooldown.Apply(a, auth.Result{AuthID: "a", Model: "m", Error: &auth.Error{HTTPStatus: http.StatusTooManyRequests}}, settings.DefaultCooldown(), false, now)
		wait := a.ModelStates["m"].NextRetryAfter.Sub(now)
		now = now.Add(wait)
		return wait
	}
	fail()
	fail()
	if wait := fail(); wait != 4*time.Second {
		t.Fatalf("the third wait is %v", wait)
	}
	cooldown.Reset(a, "m", now)
	if wait := fail(); wait != time.Second {
		t.Errorf("after a reset the first wait is %v", wait)
	}
}

func TestResetIsNoLogin(t *testing.T) {
	a := &auth.Auth{ID: "a", Status: auth.StatusError, LastError: &auth.Error{Code: auth.CodeNeedsLogin, Message: "log in"}}
	if cooldown.Reset(a, "", resetAt) || a.LastError == nil || a.Status != auth.StatusError {
		t.Errorf("%v", a.LastError)
	}
	off := held(t, "m")
	off.ModelStates["n"] = &auth.ModelState{Status: auth.StatusDisabled}
	cooldown.Reset(off, "", resetAt)
	if off.ModelStates["n"] == nil {
		t.Error("a model that is switched off came back")
	}
}

func TestListSaysWhatIsHeld(t *testing.T) {
	a := held(t, "m", "")
	a.ModelStates["m"].Quota.NextRecoverAt = resetAt.Add(time.Hour)
	want := []cooldown.Held{
		{Block: auth.Block{Reason: auth.BlockedQuota, Until: resetAt.Add(time.Second), Status: 429, Source: auth.SourceLadder}},
		{Model: "m", Block: auth.Block{Reason: auth.BlockedQuota, Until: resetAt.Add(time.Second), Status: 429, Source: auth.SourceLadder}, Reset: resetAt.Add(time.Hour)},
	}
	got := cooldown.List(a, resetAt)
	for i := range got {
		if got[i].Message == "" {
			t.Errorf("%d says nothing", i)
		}
		got[i].Message = ""
	}
	got[0].Reset = time.Time{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if later := cooldown.List(a, resetAt.Add(time.Minute)); later != nil {
		t.Errorf("after its end: %v", later)
	}
	a.Disabled = true
	if off := cooldown.List(a, resetAt); off != nil {
		t.Errorf("while it is off: %v", off)
	}
	loaded := &auth.Auth{Unavailable: true, NextRetryAfter: resetAt.Add(time.Minute), StatusMessage: "s"}
	if got := cooldown.List(loaded, resetAt); len(got) != 1 || got[0].Message != "s" {
		t.Errorf("a record without states: %v", got)
	}
	if cooldown.List(nil, resetAt) != nil {
		t.Error("nil is held")
	}
}
