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

var keep = flag.String("keep", "", "write today's store into this new directory of testdata, for TestOldStores")

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

// TestOldStores opens a store of every schema that there ever was.
func TestOldStores(t *testing.T) {
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
			for _, name := range []string{"patchbay.db", "patchbay.key", "patchbay.id"} {
				write(t, filepath.Join(dir, name), read(t, filepath.Join(filepath.Dir(golden), name)))
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
			save(t, s, simple("new", "1"))
		})
	}
}

func writeGolden(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, filepath.Join(dir, "patchbay.db"))
	save(t, s, goldenAuth())
	for _, bucket := range []string{ClientKeys, Cooldowns, Plugins} {
		if err := s.Records(bucket).Put(t.Context(), "golden", []byte(bucket)); err != nil {
			t.Fatal(err)
		}
	}
	closeStore(t, s)
}
