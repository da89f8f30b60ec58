package boltstore

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/auth"
)

var keep = flag.String("keep", "", "write today's store into this new directory of testdata, for TestS12OldStores")

// goldenAuth is what each store in testdata holds. A version that adds to it
// does so in new stores only.
func goldenAuth() *auth.Auth {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	return &auth.Auth{
		ID: "golden", Provider: "echo", Prefix: "team", Label: "work", Status: auth.StatusActive,
		ProxyURL: "http://127.0.0.1:1", Attributes: map[string]string{"api_key": "not-a-secret"},
		Metadata:  map[string]any{"refresh_token": "not-a-secret", "expires_at": int64(1893456000), "nested": map[string]any{"ratio": 0.5}},
		Quota:     auth.QuotaState{Exceeded: true, Reason: "quota", NextRecoverAt: at, BackoffLevel: 3},
		LastError: &auth.Error{Code: "c", Message: "m", Retryable: true, HTTPStatus: 429},
		CreatedAt: at, UpdatedAt: at, LastRefreshedAt: at, NextRefreshAfter: at, NextRetryAfter: at,
		ModelStates: map[string]*auth.ModelState{"small": {Status: auth.StatusError, Unavailable: true, NextRetryAfter: at, UpdatedAt: at}},
	}
}

// TestS12OldStores opens a store of every schema that there ever was.
func TestS12OldStores(t *testing.T) {
	if *keep != "" {
		writeGolden(t, filepath.Join("testdata", *keep))
	}
	stores, err := filepath.Glob("testdata/*/patchbay.db")
	if err != nil || len(stores) == 0 {
		t.Fatalf("no stores in testdata: %v", err)
	}
	for _, golden := range stores {
		t.Run(filepath.Base(filepath.Dir(golden)), func(t *testing.T) {
			dir := t.TempDir()
			files, err := os.ReadDir(filepath.Dir(golden))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				write(t, filepath.Join(dir, f.Name()), read(t, filepath.Join(filepath.Dir(golden), f.Name())))
			}
			s := open(t, filepath.Join(dir, "patchbay.db"))
			if diff := cmp.Diff([]*auth.Auth{goldenAuth()}, list(t, s)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, bucket := range []string{ClientKeys, Cooldowns, Plugins} {
				if value, ok, err := s.Records(bucket).Get(t.Context(), "golden"); !ok || err != nil || string(value) != bucket {
					t.Errorf("%s: %q, %v, %v", bucket, value, ok, err)
				}
			}
			if filepath.Base(filepath.Dir(golden)) != "schema1" {
				trials, err := s.Trials(t.Context())
				if err != nil || len(trials) != 1 || trials[0].Replaced["refresh_token"] != "before" {
					t.Errorf("%d trials, %v", len(trials), err)
				}
			}
			save(t, s, simple("new", "1"))
			closeStore(t, s)
			if c, err := open(t, s.path).Check(t.Context(), nil); err != nil || len(c.Problems) > 0 {
				t.Errorf("%q, %v", c.Problems, err)
			}
		})
	}
}

func writeGolden(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, filepath.Join(dir, "patchbay.db"))
	before := goldenAuth()
	before.Metadata["refresh_token"] = "before"
	save(t, s, before)
	if _, err := s.Commit(t.Context(), goldenAuth(), 0); err != nil {
		t.Fatal(err)
	}
	for _, bucket := range []string{ClientKeys, Cooldowns, Plugins} {
		if err := s.Records(bucket).Put(t.Context(), "golden", []byte(bucket)); err != nil {
			t.Fatal(err)
		}
	}
	closeStore(t, s)
}
