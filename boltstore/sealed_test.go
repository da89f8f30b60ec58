package boltstore

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// TestA16NoSecretInAnyFile looks for secrets, raw and encoded, in every byte of
// every file, also after they were overwritten and deleted.
func TestA16NoSecretInAnyFile(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	canary := func(i int) string { return fmt.Sprintf("canary-%04d-secret-of-the-operator", i) }
	n := 0
	next := func() string { n++; return canary(n) }
	for round := range 5 {
		for i := range 8 {
			id := fmt.Sprintf("id-%d", i)
			save(t, s, &auth.Auth{
				ID: id, Provider: "echo", Label: next(), ProxyURL: next(), StatusMessage: next(),
				Attributes: map[string]string{"api_key": next(), next(): "x"},
				Metadata:   map[string]any{"refresh_token": next(), "nested": map[string]any{"list": []any{next(), strings.Repeat(next(), 200)}}},
				LastError:  &auth.Error{Message: next()},
			})
			for _, bucket := range []string{ClientKeys, Cooldowns, Plugins} {
				if err := s.Records(bucket).Put(t.Context(), id, []byte(next())); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.Begin(t.Context(), id, 0, auth.TokenDigest(next())); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Commit(t.Context(), &auth.Auth{ID: id, Metadata: map[string]any{"refresh_token": next()}}, 0); err != nil {
				t.Fatal(err)
			}
			if (i+round)%3 == 0 {
				if err := s.Delete(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	noSecrets(t, filepath.Dir(path), n, canary) // while it is open
	closeStore(t, s)
	noSecrets(t, filepath.Dir(path), n, canary)
}

func noSecrets(t *testing.T, dir string, n int, canary func(int) string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		raw := read(t, filepath.Join(dir, entry.Name()))
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
		for i := 1; i <= n; i++ {
			secret := []byte(canary(i))
			forms := [][]byte{secret, []byte(hex.EncodeToString(secret)), bytes.ToUpper([]byte(hex.EncodeToString(secret)))}
			for shift := range 3 { // base64 as it looks at each of three alignments
				aligned := secret[shift : shift+(len(secret)-shift)/3*3]
				forms = append(forms, []byte(base64.StdEncoding.EncodeToString(aligned)), []byte(base64.URLEncoding.EncodeToString(aligned)))
			}
			for _, form := range forms {
				if bytes.Contains(raw, form) {
					t.Fatalf("%s holds secret %d as %q", entry.Name(), i, form)
				}
			}
		}
	}
}

// TestTamperedRecords changes the bytes of a closed store; List gives the good
// ones and names the bad ones.
func TestTamperedRecords(t *testing.T) {
	bucket := func(tx *bbolt.Tx) *bbolt.Bucket { return tx.Bucket([]byte(bucketAuths)) }
	value := func(tx *bbolt.Tx, id string) []byte { return bytes.Clone(bucket(tx).Get([]byte(id))) }
	flip := func(at int) func(*bbolt.Tx, []byte) error {
		return func(tx *bbolt.Tx, _ []byte) error {
			v := value(tx, "b")
			v[(at+len(v))%len(v)] ^= 1
			return bucket(tx).Put([]byte("b"), v)
		}
	}
	tests := []struct {
		name   string
		change func(tx *bbolt.Tx, old []byte) error // old is b as it was one write ago
		bad    []string
		why    string
	}{
		{"format flipped", flip(0), []string{"b"}, "known format"},
		{"key id flipped", flip(4), []string{"b"}, "sealed with key"},
		{"generation flipped", flip(12), []string{"b"}, "seal is broken"},
		{"nonce flipped", flip(20), []string{"b"}, "seal is broken"},
		{"tag flipped", flip(-1), []string{"b"}, "seal is broken"},
		{"cut short", func(tx *bbolt.Tx, _ []byte) error { return bucket(tx).Put([]byte("b"), value(tx, "b")[:40]) }, []string{"b"}, "seal is broken"},
		{"emptied", func(tx *bbolt.Tx, _ []byte) error { return bucket(tx).Put([]byte("b"), nil) }, []string{"b"}, "known format"},
		{"two swapped", func(tx *bbolt.Tx, _ []byte) error {
			a, b := value(tx, "a"), value(tx, "b")
			return errors.Join(bucket(tx).Put([]byte("a"), b), bucket(tx).Put([]byte("b"), a))
		}, []string{"a", "b"}, "seal is broken"},
		{"moved to another bucket", func(tx *bbolt.Tx, _ []byte) error {
			return tx.Bucket([]byte(bucketAuths)).Put([]byte("b"), tx.Bucket([]byte(Plugins)).Get([]byte("b")))
		}, []string{"b"}, "seal is broken"},
		{"rolled back to an earlier generation", func(tx *bbolt.Tx, old []byte) error { return bucket(tx).Put([]byte("b"), old) }, []string{"b"}, "older state"},
		{"lost", func(tx *bbolt.Tx, _ []byte) error { return bucket(tx).Delete([]byte("b")) }, []string{"b"}, "is gone"},
		{"copied to a new id", func(tx *bbolt.Tx, _ []byte) error { return bucket(tx).Put([]byte("d"), value(tx, "b")) }, []string{"d"}, "never written here"},
		{"witness rolled back", func(tx *bbolt.Tx, _ []byte) error {
			g := tx.Bucket([]byte(bucketMeta)).Bucket([]byte(metaGenerations))
			return g.Put(witness(bucketAuths, "b"), generationBytes(1))
		}, []string{"b"}, "last written"},
		{"witness of a wrong size", func(tx *bbolt.Tx, _ []byte) error {
			return tx.Bucket([]byte(bucketMeta)).Bucket([]byte(metaGenerations)).Put(witness(bucketAuths, "b"), []byte{1})
		}, []string{"b"}, "last written"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := newPath(t)
			s := open(t, path)
			save(t, s, simple("b", "first"))
			var old []byte
			if err := s.readRaw(func(tx *bbolt.Tx) error { old = value(tx, "b"); return nil }); err != nil {
				t.Fatal(err)
			}
			for _, id := range []string{"a", "b", "c"} {
				save(t, s, simple(id, "second"))
			}
			if err := s.Records(Plugins).Put(t.Context(), "b", []byte("lock")); err != nil {
				t.Fatal(err)
			}
			closeStore(t, s)
			tamper(t, path, func(tx *bbolt.Tx) error { return tt.change(tx, old) })

			s = open(t, path)
			good, err := s.List(t.Context())
			var corrupt *auth.CorruptError
			if !errors.As(err, &corrupt) {
				t.Fatalf("List: %v, want a CorruptError", err)
			}
			if diff := cmp.Diff(tt.bad, corrupt.IDs()); diff != "" {
				t.Errorf("bad (-want +got):\n%s", diff)
			}
			if !strings.Contains(err.Error(), tt.why) || !strings.Contains(err.Error(), path) {
				t.Errorf("it says %q, want %q in it", err, tt.why)
			}
			want := slices.DeleteFunc([]string{"a", "b", "c"}, func(id string) bool { return slices.Contains(tt.bad, id) })
			if diff := cmp.Diff(want, idsOf(good)); diff != "" {
				t.Errorf("good (-want +got):\n%s", diff)
			}
			// A new login mends it.
			for _, id := range tt.bad {
				save(t, s, simple(id, "third"))
			}
			list(t, s)
		})
	}
}

// TestDeletedRecordPutBack: the bytes of a deleted record do not make it again.
func TestDeletedRecordPutBack(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	keys := s.Records(ClientKeys)
	if err := keys.Put(t.Context(), "revoked", []byte("hash")); err != nil {
		t.Fatal(err)
	}
	var old []byte
	err := s.readRaw(func(tx *bbolt.Tx) error {
		old = bytes.Clone(tx.Bucket([]byte(ClientKeys)).Get([]byte("revoked")))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Delete(t.Context(), "revoked"); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	tamper(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte(ClientKeys)).Put([]byte("revoked"), old) })
	s = open(t, path)
	var corrupt *CorruptError
	if _, ok, err := s.Records(ClientKeys).Get(t.Context(), "revoked"); ok || !errors.As(err, &corrupt) {
		t.Errorf("Get: %v, %v", ok, err)
	}
	if all, err := s.Records(ClientKeys).All(t.Context()); len(all) != 0 || !errors.As(err, &corrupt) {
		t.Errorf("All: %d, %v", len(all), err)
	}
}

// TestGenerationsRise: on every write of a record, across a restart and across
// a delete.
func TestGenerationsRise(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	last := uint64(0)
	check := func() {
		t.Helper()
		err := s.readRaw(func(tx *bbolt.Tx) error {
			raw := tx.Bucket([]byte(bucketAuths)).Get([]byte("a"))
			if g := binary.BigEndian.Uint64(raw[5:]); g <= last {
				t.Errorf("generation %d after %d", g, last)
			} else {
				last = g
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		save(t, s, simple("a", "1"))
		check()
	}
	closeStore(t, s)
	s = open(t, path)
	save(t, s, simple("a", "2"))
	check()
	if err := s.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	save(t, s, simple("a", "3"))
	check()
}

// TestAssociatedDataIsUnambiguous: no two places give the same bytes.
func TestAssociatedDataIsUnambiguous(t *testing.T) {
	seen := map[string]string{}
	for _, bucket := range []string{"", "a", "ab", "a\x00\x00\x00\x01b"} {
		for _, id := range []string{"", "a", "ab", "b", "\x00\x00\x00\x01b"} {
			for _, h := range []header{{1, 2}, {2, 1}, {1, 1}} {
				place := fmt.Sprintf("%q %q %v", bucket, id, h)
				data := string(associated(h, bucket, id))
				if other, twice := seen[data]; twice {
					t.Errorf("%s and %s are the same", place, other)
				}
				seen[data] = place
			}
		}
	}
}
