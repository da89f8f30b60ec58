package boltstore

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// childEnv makes the test binary the writer of the crash test.
const childEnv = "BOLTSTORE_TEST_WRITER"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		os.Exit(writeForEver(path))
	}
	os.Exit(m.Run())
}

func newPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "patchbay.db")
}

func open(t *testing.T, path string) *Store {
	t.Helper()
	return openWith(t, Options{Path: path})
}

func openWith(t *testing.T, o Options) *Store {
	t.Helper()
	o.Timeout = 20 * time.Millisecond
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func save(t *testing.T, s *Store, a *auth.Auth) {
	t.Helper()
	if _, err := s.Save(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

func simple(id, secret string) *auth.Auth {
	return &auth.Auth{ID: id, Provider: "echo", Metadata: map[string]any{"access_token": secret}}
}

func list(t *testing.T, s *Store) []*auth.Auth {
	t.Helper()
	all, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func idsOf(all []*auth.Auth) []string {
	ids := make([]string, len(all))
	for i, a := range all {
		ids[i] = a.ID
	}
	return ids
}

// tamper changes the closed file behind the store's back.
func tamper(t *testing.T, path string, fn func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(fn); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// unchanged fails when one of the files is different after the test.
func unchanged(t *testing.T, paths ...string) {
	t.Helper()
	sums := map[string][32]byte{}
	for _, p := range paths {
		sums[p] = sha256.Sum256(read(t, p))
	}
	t.Cleanup(func() {
		for _, p := range paths {
			raw, err := os.ReadFile(p)
			if err != nil || sha256.Sum256(raw) != sums[p] {
				t.Errorf("%s was changed (%v)", filepath.Base(p), err)
			}
		}
	})
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(raw)
}

func write(t *testing.T, path string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}
