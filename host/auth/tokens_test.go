package auth_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

func TestKind(t *testing.T) {
	type m = map[string]any
	for name, c := range map[string]struct {
		attributes map[string]string
		metadata   m
		want       string
	}{
		"nothing":            {nil, nil, ""},
		"attribute says":     {map[string]string{"auth_kind": " API-Key "}, m{"auth_kind": "oauth"}, auth.KindAPIKey},
		"metadata says":      {map[string]string{"api_key": "k"}, m{"auth_kind": "oauth2"}, auth.KindOAuth},
		"another word":       {nil, m{"auth_kind": "Cookie"}, "cookie"},
		"a key":              {map[string]string{"api_key": "k"}, m{"email": "x"}, auth.KindAPIKey},
		"a token":            {nil, m{"access_token": "t", "api_key": "k"}, auth.KindOAuth},
		"an address":         {nil, m{"email": "x"}, auth.KindOAuth},
		"a token object":     {nil, m{"token": m{"x": 1}}, auth.KindOAuth},
		"an empty object":    {nil, m{"token": m{}, "access_token": " "}, ""},
		"a key among secret": {nil, m{"api_key": "k"}, auth.KindAPIKey},
	} {
		a := &auth.Auth{Attributes: c.attributes, Metadata: c.metadata}
		if got := a.Kind(); got != c.want {
			t.Errorf("%s: kind %q, want %q", name, got, c.want)
		}
	}
	if (*auth.Auth)(nil).Kind() != "" {
		t.Error("nil has a kind")
	}
}

func TestTokens(t *testing.T) {
	type m = map[string]any
	for name, c := range map[string]struct {
		metadata        m
		refresh, access string
	}{
		"none":       {nil, "", ""},
		"top":        {m{"refresh_token": "r", "access_token": "a", "token": m{"refresh_token": "x"}}, "r", "a"},
		"camel case": {m{"refreshToken": "r", "accessToken": "a"}, "r", "a"},
		"nested":     {m{"token": m{"refresh_token": "r"}, "Token": map[string]string{"access_token": "a"}}, "r", "a"},
		"no strings": {m{"refresh_token": 1, "access_token": " "}, "", ""},
	} {
		a := &auth.Auth{Metadata: c.metadata}
		if got := a.RefreshToken(); got != c.refresh {
			t.Errorf("%s: refresh token %q", name, got)
		}
		if got := a.AccessToken(); got != c.access {
			t.Errorf("%s: access token %q", name, got)
		}
	}
	deep := map[string]any{}
	deep["token"] = deep
	if (&auth.Auth{Metadata: deep}).RefreshToken() != "" || (*auth.Auth)(nil).AccessToken() != "" {
		t.Error("a token came from nowhere")
	}
	if auth.TokenDigest("") != "" || len(auth.TokenDigest("r")) != 64 {
		t.Error("the digest is not one")
	}
}

func TestRefreshInterval(t *testing.T) {
	for name, c := range map[string]struct {
		metadata   map[string]any
		attributes map[string]string
		want       time.Duration
	}{
		"none":            {nil, nil, 0},
		"seconds":         {map[string]any{"refresh_interval_seconds": 90}, nil, 90 * time.Second},
		"duration":        {map[string]any{"refreshInterval": " 2h "}, nil, 2 * time.Hour},
		"text":            {map[string]any{"refresh_interval": "1.5"}, nil, 1500 * time.Millisecond},
		"json":            {map[string]any{"refresh_interval": json.Number("3")}, nil, 3 * time.Second},
		"attribute":       {nil, map[string]string{"refresh_interval": "10m"}, 10 * time.Minute},
		"metadata first":  {map[string]any{"refreshIntervalSeconds": 1.0}, map[string]string{"refresh_interval_seconds": "2"}, time.Second},
		"falls through":   {map[string]any{"refresh_interval_seconds": "x"}, map[string]string{"refresh_interval": "2s"}, 2 * time.Second},
		"negative":        {map[string]any{"refresh_interval": -1}, nil, 0},
		"negative, text":  {map[string]any{"refresh_interval": "-1m"}, nil, 0},
		"no number":       {map[string]any{"refresh_interval": math.NaN()}, nil, 0},
		"without end":     {map[string]any{"refresh_interval": math.Inf(1)}, nil, 0},
		"longer than any": {map[string]any{"refresh_interval": 1e300}, nil, 0},
	} {
		a := &auth.Auth{Metadata: c.metadata, Attributes: c.attributes}
		if got, ok := a.RefreshInterval(); got != c.want || ok != (c.want != 0) {
			t.Errorf("%s: every %v (%v), want %v", name, got, ok, c.want)
		}
	}
}

func TestLastRefresh(t *testing.T) {
	noted := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	known := noted.Add(time.Hour)
	for name, c := range map[string]struct {
		a    *auth.Auth
		want time.Time
	}{
		"nil":        {nil, time.Time{}},
		"never":      {&auth.Auth{Metadata: map[string]any{"last_refresh": 0}}, time.Time{}},
		"field":      {&auth.Auth{LastRefreshedAt: known, Metadata: map[string]any{"last_refresh": noted.Unix()}}, known},
		"metadata":   {&auth.Auth{Metadata: map[string]any{"lastRefreshedAt": noted.Format(time.RFC3339)}}, noted},
		"attributes": {&auth.Auth{Attributes: map[string]string{"last_refresh": noted.Format(time.RFC3339)}}, noted},
	} {
		if got, ok := c.a.LastRefresh(); !got.Equal(c.want) || ok == c.want.IsZero() {
			t.Errorf("%s: refreshed at %v (%v)", name, got, ok)
		}
	}
}

// FuzzRefreshMetadata: whatever metadata holds, the readers say something.
func FuzzRefreshMetadata(f *testing.F) {
	f.Add(`{"refresh_interval":"1h","last_refresh":1893553445,"token":{"refresh_token":"r"}}`)
	f.Add(`{"refresh_interval":1e999,"last_refresh":"soon","Token":{"token":[]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		a := &auth.Auth{}
		if json.Unmarshal([]byte(text), &a.Metadata) != nil {
			return
		}
		if d, ok := a.RefreshInterval(); ok != (d > 0) {
			t.Errorf("interval %v (%v)", d, ok)
		}
		if at, ok := a.LastRefresh(); ok == at.IsZero() {
			t.Errorf("refreshed at %v (%v)", at, ok)
		}
		a.Kind()
		a.RefreshToken()
		a.AccessToken()
	})
}
