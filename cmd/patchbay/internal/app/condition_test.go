package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/auth"
)

func TestCondition(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	soon, later := now.Add(time.Minute), now.Add(time.Hour)
	quota := func(until time.Time) *auth.ModelState {
		return &auth.ModelState{Status: auth.StatusError, Unavailable: true, NextRetryAfter: until, StatusMessage: "slow down",
			LastError: &auth.Error{HTTPStatus: 429}, Quota: auth.QuotaState{Exceeded: true, NextRecoverAt: later}}
	}
	type states = map[string]*auth.ModelState
	for _, c := range []struct {
		name   string
		a      auth.Auth
		models []string
		idle   bool // nothing serves
		state  string
		reason string
		until  time.Time
		blocks int
	}{
		{"a clean one", auth.Auth{}, []string{"m"}, false, admin.StateReady, "", time.Time{}, 0},
		{"without models", auth.Auth{}, nil, false, admin.StateNoModels, "", time.Time{}, 0},
		{"without models, without a server", auth.Auth{}, nil, true, admin.StateReady, "", time.Time{}, 0},
		{"switched off", auth.Auth{Disabled: true, ModelStates: states{"m": quota(soon)}}, nil, false, admin.StateDisabled, "", time.Time{}, 0},
		{"off by its status", auth.Auth{Status: auth.StatusDisabled}, []string{"m"}, false, admin.StateDisabled, "", time.Time{}, 0},
		{"one of two waits", auth.Auth{ModelStates: states{"m": quota(soon)}}, []string{"m", "n"}, false, admin.StateCooling, "m: status 429: slow down", soon, 1},
		{"both wait", auth.Auth{ModelStates: states{"m": quota(later), "n": quota(soon)}}, []string{"m", "n"}, false, admin.StateBlocked, "m: status 429: slow down", soon, 2},
		{"both wait, with a prefix", auth.Auth{Prefix: "p", ModelStates: states{"m": quota(soon)}}, []string{"m", "p/m"}, false, admin.StateBlocked, "m: status 429: slow down", soon, 1},
		{"the whole waits", auth.Auth{ModelStates: states{"": quota(later), "m": quota(soon)}}, []string{"m", "n"}, false, admin.StateBlocked, "status 429: slow down", later, 2},
		{"the wait is over", auth.Auth{Status: auth.StatusError, ModelStates: states{"m": quota(now)}}, []string{"m"}, false, admin.StateReady, "", time.Time{}, 0},
		{"a login is needed", auth.Auth{LastError: &auth.Error{Code: auth.CodeNeedsLogin, Message: "log in"}}, []string{"m"}, false, admin.StateNeedsLogin, "log in", time.Time{}, 0},
		{"loaded, without states", auth.Auth{Unavailable: true, NextRetryAfter: soon, StatusMessage: "s"}, []string{"m"}, false, admin.StateBlocked, "s", soon, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := condition(&c.a, c.models, !c.idle, now)
			if got.State != c.state || got.Reason != c.reason || !got.Until.Equal(c.until) || len(got.Cooldowns) != c.blocks {
				t.Errorf("%+v", got)
			}
		})
	}
	got := condition(&auth.Auth{ID: "a", Provider: "p", Label: "l", ModelStates: states{"m": quota(soon)}}, []string{"m"}, true, now)
	want := admin.AuthStatus{ID: "a", Provider: "p", Label: "l", State: admin.StateBlocked, Reason: "m: status 429: slow down", Until: soon,
		Cooldowns: []admin.Cooldown{{Model: "m", Until: soon, Status: 429, Reason: "slow down", Quota: true, ResetsAt: later}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
