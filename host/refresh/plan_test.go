package refresh_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/refresh"
	"github.com/patchbay-dev/patchbay/host/settings"
)

var now = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

type decides struct{}

func (decides) ShouldRefresh(time.Time, *auth.Auth) bool { return true }

// expiring is a credential whose token expires in d.
func expiring(d time.Duration, more ...func(*auth.Auth)) *auth.Auth {
	a := &auth.Auth{ID: "a", Metadata: map[string]any{"refresh_token": "r", "expires_at": now.Add(d).Format(time.RFC3339)}}
	for _, f := range more {
		f(a)
	}
	return a
}

func TestNext(t *testing.T) {
	hour := time.Hour
	late := func(a *auth.Auth) { a.NextRefreshAfter = now.Add(5 * time.Hour) }
	refreshed := func(ago time.Duration) func(*auth.Auth) {
		return func(a *auth.Auth) { a.LastRefreshedAt = now.Add(-ago) }
	}
	off := func(a *auth.Auth) { a.Disabled = true }
	meta := func(key string, v any) func(*auth.Auth) { return func(a *auth.Auth) { a.Metadata[key] = v } }
	for name, c := range map[string]struct {
		a    *auth.Auth
		lead *time.Duration
		skip bool
		want refresh.Plan
	}{
		"nil":                  {nil, &hour, false, refresh.Plan{}},
		"no lead":              {expiring(time.Minute), nil, false, refresh.Plan{}},
		"by expiry":            {expiring(3 * hour), &hour, false, refresh.Plan{At: now.Add(2 * hour), Spread: 5 * time.Minute}},
		"a short lead":         {expiring(hour), of(10 * time.Minute), false, refresh.Plan{At: now.Add(50 * time.Minute), Spread: time.Minute}},
		"expired":              {expiring(-hour), &hour, false, refresh.Plan{At: now.Add(-2 * hour), Spread: 5 * time.Minute}},
		"expired at 0":         {expiring(0, meta("expires_at", 0)), &hour, false, refresh.Plan{At: now, Spread: 5 * time.Minute}},
		"no expiry, refreshed": {expiring(0, meta("expires_at", "soon"), refreshed(time.Minute)), &hour, false, refresh.Plan{At: now.Add(59 * time.Minute), Spread: 5 * time.Minute}},
		"no expiry, noted":     {expiring(0, meta("expires_at", nil), meta("last_refresh", now.Unix())), &hour, false, refresh.Plan{At: now.Add(hour), Spread: 5 * time.Minute}},
		"nothing known":        {expiring(0, meta("expires_at", nil)), &hour, false, refresh.Plan{At: now}},
		"lead beyond life":     {expiring(20*time.Minute, refreshed(0)), &hour, false, refresh.Plan{At: now.Add(10 * time.Minute), Spread: time.Minute}},
		"not before":           {expiring(hour, late), &hour, false, refresh.Plan{At: now.Add(5 * hour)}},
		"not before, later":    {expiring(9*hour, late), &hour, false, refresh.Plan{At: now.Add(8 * hour), Spread: 5 * time.Minute}},
		"not before, never":    {expiring(9*hour, late), nil, false, refresh.Plan{}},
		"API key":              {expiring(0, func(a *auth.Auth) { a.Attributes = map[string]string{auth.AttrAPIKey: "k"} }), &hour, false, refresh.Plan{}},
		"says API key":         {expiring(0, meta(auth.AttrAuthKind, "apikey")), &hour, false, refresh.Plan{}},
		"needs a login":        {expiring(0, func(a *auth.Auth) { a.LastError = &auth.Error{Code: auth.CodeNeedsLogin} }), &hour, false, refresh.Plan{}},
		"had a 401":            {expiring(0, func(a *auth.Auth) { a.LastError = &auth.Error{HTTPStatus: 401} }), &hour, false, refresh.Plan{At: now.Add(-hour), Spread: 5 * time.Minute}},
		"switched off":         {expiring(0, off), &hour, false, refresh.Plan{At: now.Add(-hour), Spread: 5 * time.Minute}},
		"switched off, skip":   {expiring(0, off), &hour, true, refresh.Plan{}},
		"off, its own word":    {expiring(0, off, meta("refresh_disabled", true)), &hour, true, refresh.Plan{At: now.Add(-hour), Spread: 5 * time.Minute}},
		"off, its own no":      {expiring(0, off, meta("refresh_disabled", false)), &hour, false, refresh.Plan{}},
		"status off, skip":     {expiring(0, func(a *auth.Auth) { a.Status = auth.StatusDisabled }), &hour, true, refresh.Plan{}},
		"asked":                {expiring(9*hour, func(a *auth.Auth) { a.Runtime = decides{} }), nil, false, refresh.Plan{At: now, Ask: true}},
		"asked, not before":    {expiring(0, late, func(a *auth.Auth) { a.Runtime = decides{} }), nil, false, refresh.Plan{At: now.Add(5 * hour), Ask: true}},
		"interval, first":      {expiring(9*hour, meta("refresh_interval", "20m")), nil, false, refresh.Plan{At: now}},
		"interval":             {expiring(9*hour, meta("refresh_interval_seconds", 600), refreshed(0)), &hour, false, refresh.Plan{At: now.Add(10 * time.Minute)}},
		"interval, expiring":   {expiring(9*time.Minute, meta("refresh_interval", "600"), refreshed(time.Minute)), nil, false, refresh.Plan{At: now.Add(-time.Minute)}},
		"interval, no expiry":  {expiring(0, meta("expires_at", nil), meta("refresh_interval", 60.0), refreshed(time.Second)), nil, false, refresh.Plan{At: now.Add(59 * time.Second)}},
		"interval, nonsense":   {expiring(0, meta("refresh_interval", "-1m")), nil, false, refresh.Plan{}},
	} {
		if diff := cmp.Diff(c.want, refresh.Next(c.a, c.lead, settings.Refresh{SkipDisabled: c.skip}, now)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// TestJitterIsBounded: by a tenth of the lead, and by what the operator says.
func TestJitterIsBounded(t *testing.T) {
	a := &auth.Auth{Metadata: map[string]any{"refresh_token": "r", "expires_at": now.Add(24 * time.Hour).Unix()}}
	for _, c := range []struct{ lead, most, want time.Duration }{
		{4 * time.Hour, 0, 5 * time.Minute}, {10 * time.Minute, 0, time.Minute}, {4 * time.Hour, time.Minute, time.Minute}, {4 * time.Hour, time.Hour, 24 * time.Minute},
	} {
		if p := refresh.Next(a, &c.lead, settings.Refresh{MaxJitter: c.most}, now); p.Spread != c.want {
			t.Errorf("lead %v, at most %v: %v", c.lead, c.most, p.Spread)
		}
	}
}
