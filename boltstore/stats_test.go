package boltstore

import (
	"path/filepath"
	"testing"
)

func TestStatsCountWrites(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "a.db"))
	before := s.Stats()
	if err := s.Records(Plugins).Put(t.Context(), "a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Records(Plugins).All(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Records(Plugins).Put(t.Context(), "", []byte("x")); err == nil {
		t.Error("a record without a key was written")
	}
	after := s.Stats()
	if after.Writes < before.Writes+1 || after.Took <= before.Took || after.Failed > after.Writes {
		t.Errorf("%+v after %+v", after, before)
	}
}
