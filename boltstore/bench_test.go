package boltstore

import (
	"fmt"
	"path/filepath"
	"testing"
)

// BenchmarkSave is one durable write: dominated by the disk's fsync.
func BenchmarkSave(b *testing.B) {
	s, err := Open(b.Context(), Options{Path: filepath.Join(b.TempDir(), "patchbay.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	a := simple("a", "secret")
	for b.Loop() {
		if _, err := s.Save(b.Context(), a); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkList reads 1,000 credentials, as a start does.
func BenchmarkList(b *testing.B) {
	s, err := Open(b.Context(), Options{Path: filepath.Join(b.TempDir(), "patchbay.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	err = s.write(b.Context(), opOther, func(t *txn) error {
		for i := range 1000 {
			a := simple(fmt.Sprintf("id-%04d", i), "secret")
			plain, err := encodeAuth(a)
			if err != nil {
				return err
			}
			if _, err := t.put(bucketAuths, a.ID, plain); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if all, err := s.List(b.Context()); err != nil || len(all) != 1000 {
			b.Fatal(len(all), err)
		}
	}
}
