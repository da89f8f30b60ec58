package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/auth"
)

func toBuilder(b *strings.Builder) func(int64) (io.Writer, error) {
	return func(size int64) (io.Writer, error) { b.Grow(int(size)); return b, nil }
}

func backup(t *testing.T, s *Store, to string) {
	t.Helper()
	err := SaveBackup(to, func(w io.Writer) error {
		return s.Backup(t.Context(), func(int64) (io.Writer, error) { return w, nil })
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestS11HotBackup: a backup that is taken during writes is whole, and makes the
// store of that moment on another machine.
func TestS11HotBackup(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ctx.Err() == nil; n++ { // both are always the same
			if err := s.SaveAll(ctx, []*auth.Auth{simple("a", fmt.Sprint(n)), simple("b", fmt.Sprint(n))}); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	save(t, s, simple("c", "1"))
	for i := range 10 {
		file := filepath.Join(t.TempDir(), "backup")
		backup(t, s, file)
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
		to := newPathWith(t, path, ".key")
		r, err := Restore(t.Context(), RestoreOptions{Options: Options{Path: to}, From: file})
		if err != nil || r.Was != 0 || len(r.Lost) > 0 || len(r.Aside) > 0 {
			t.Fatalf("round %d: %+v, %v", i, r, err)
		}
		there := open(t, to)
		all := list(t, there)
		if len(all) == 3 && all[0].Metadata["access_token"] != all[1].Metadata["access_token"] {
			t.Errorf("round %d: %v and %v", i, all[0].Metadata, all[1].Metadata)
		}
		save(t, there, simple("d", "1"))
	}
	stop()
	wg.Wait()
	if err := SaveBackup(path, func(io.Writer) error { return nil }); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
}

// TestS11GoingBack: a restore says what would be lost, and does it when told to.
func TestS11GoingBack(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	file := filepath.Join(t.TempDir(), "backup")
	save(t, s, tokens(0))
	for _, id := range []string{"changed", "removed", "same"} {
		save(t, s, simple(id, "1"))
	}
	if err := s.Records(ClientKeys).Put(t.Context(), "revoked", []byte("x")); err != nil {
		t.Fatal(err)
	}
	backup(t, s, file)
	begin(t, s, 0, 0)
	commit(t, s, 0, 1)
	save(t, s, simple("changed", "2"))
	save(t, s, simple("new", "1"))
	if err := errors.Join(s.Delete(t.Context(), "removed"), s.Records(ClientKeys).Delete(t.Context(), "revoked")); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"credential a was refreshed 1 times since: the refresh token in the backup is probably used up, and needs a new login",
		"credential changed was changed since",
		"credential new is gone",
		"credential removed, which was removed since, comes back",
		"client key revoked, which was removed since, comes back",
	}
	o := RestoreOptions{Options: Options{Path: path}, From: file}
	if _, err := Restore(t.Context(), o); !errors.Is(err, ErrLocked) {
		t.Fatalf("with a server: %v", err)
	}
	newest := list(t, s)
	closeStore(t, s)
	r, err := Restore(t.Context(), o)
	if diff := cmp.Diff(want, r.Lost); !errors.Is(err, ErrGoesBack) || diff != "" {
		t.Fatalf("%v (-want +got):\n%s", err, diff)
	}
	s = open(t, path)
	if diff := cmp.Diff(newest, list(t, s)); diff != "" {
		t.Errorf("a restore that was refused (-want +got):\n%s", diff)
	}
	was, err := s.generation()
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	o.Force = true
	if r, err = Restore(t.Context(), o); err != nil || r.Was != was || len(r.Aside) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	s = refreshes(t, open(t, path), RefreshState{ID: "a", Generation: 1, Phase: RefreshUnknown})
	if diff := cmp.Diff([]string{"a", "changed", "removed", "same"}, idsOf(list(t, s))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if now, err := s.generation(); err != nil || now <= was {
		t.Errorf("generation %d after %d, %v", now, was, err)
	}
	closeStore(t, s)
	// What was there can be put back the same way.
	o.From = r.Aside[0]
	if _, err := Restore(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(newest, list(t, open(t, path))); diff != "" {
		t.Errorf("back again (-want +got):\n%s", diff)
	}
}

// TestS06RestoreFromTheJournal: a file that is gone, empty or damaged is made
// again from the journal alone, and kept aside.
func TestS06RestoreFromTheJournal(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"missing": remove,
		"empty":   func(t *testing.T, path string) { write(t, path, nil) },
		"garbage": func(t *testing.T, path string) { write(t, path, []byte(strings.Repeat("garbage\n", 4096))) },
		"pages zeroed": func(t *testing.T, path string) {
			raw := read(t, path)
			clear(raw[2*pageSize:])
			write(t, path, raw)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			s := open(t, path)
			save(t, s, tokens(0))
			begin(t, s, 0, 0)
			commit(t, s, 0, 1)
			save(t, s, simple("b", "1"))
			want := list(t, s)
			closeStore(t, s)
			damage(t, path)
			_, err := Open(t.Context(), Options{Path: path})
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "restore --journal") {
				t.Fatalf("Open: %v", err)
			}
			r, err := Restore(t.Context(), RestoreOptions{Options: Options{Path: path}})
			if err != nil || len(r.Lost) > 0 {
				t.Fatalf("%+v, %v", r, err)
			}
			if diff := cmp.Diff(want, list(t, open(t, path))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestRestoreRefuses: nothing that is not whole takes the place of anything.
func TestRestoreRefuses(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	save(t, s, simple("a", "1"))
	good := filepath.Join(t.TempDir(), "good")
	backup(t, s, good)
	closeStore(t, s)
	whole := read(t, good)
	bad := filepath.Join(t.TempDir(), "bad")
	tests := map[string]struct {
		make func()
		want error
	}{
		"missing":   {func() { _ = os.Remove(bad) }, os.ErrNotExist},
		"empty":     {func() { write(t, bad, nil) }, ErrDamaged},
		"text":      {func() { write(t, bad, []byte(strings.Repeat("text", 9000))) }, ErrDamaged},
		"cut":       {func() { write(t, bad, whole[:3*pageSize]) }, ErrDamaged},
		"a bit off": {func() { write(t, bad, whole); flipValue(t, bad, bucketAuths, "a") }, ErrDamaged},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.make()
			before := snapshot(t, filepath.Dir(path))
			_, err := Restore(t.Context(), RestoreOptions{Options: Options{Path: path}, From: bad, Force: true})
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v", err)
			}
			if after := snapshot(t, filepath.Dir(path)); before != after {
				t.Errorf("files before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
	t.Run("of another store", func(t *testing.T) {
		other := newPath(t)
		write(t, beside(other, ".key"), read(t, beside(path, ".key")))
		o := Options{Path: other, Key: &Key{from: "x", path: beside(path, ".key")}}
		s := openWith(t, o)
		save(t, s, simple("z", "1"))
		closeStore(t, s)
		r := RestoreOptions{Options: o, From: good}
		if got, err := Restore(t.Context(), r); !errors.Is(err, ErrGoesBack) || !strings.Contains(got.Lost[0], "another store") {
			t.Errorf("%+v, %v", got, err)
		}
		r.Force = true
		if _, err := Restore(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"a"}, idsOf(list(t, openWith(t, o)))); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("with another key", func(t *testing.T) {
		to := newPath(t)
		closeStore(t, open(t, to))
		if _, err := Restore(t.Context(), RestoreOptions{Options: Options{Path: to}, From: good}); !errors.Is(err, ErrWrongKey) {
			t.Errorf("got %v", err)
		}
		write(t, beside(to, ".key"), read(t, beside(path, ".key")))
		got, err := Restore(t.Context(), RestoreOptions{Options: Options{Path: to}, From: good})
		if !errors.Is(err, ErrGoesBack) || !strings.Contains(got.Lost[0], "cannot be read with this key") {
			t.Errorf("over a store of another key: %+v, %v", got, err)
		}
		remove(t, beside(to, ".key"))
		if _, err := Restore(t.Context(), RestoreOptions{Options: Options{Path: to}, From: good}); !errors.Is(err, ErrWrongKey) {
			t.Errorf("without a key: %v", err)
		}
	})
}
