package boltstore

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// flipValue flips a bit of a record of a closed store.
func flipValue(t *testing.T, path, bucket, id string) {
	t.Helper()
	tamper(t, path, func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(bucket))
		v := bytes.Clone(b.Get([]byte(id)))
		v[len(v)-1] ^= 1
		return b.Put([]byte(id), v)
	})
}

// disk says how a journal's file fails.
type disk struct {
	write, sync, cut error
	short            bool
}

type diskFile struct {
	JournalFile
	*disk
}

func (d diskFile) WriteAt(b []byte, at int64) (int, error) {
	if d.short {
		n, err := d.JournalFile.WriteAt(b[:len(b)/2], at)
		return n, errors.Join(err, d.write)
	}
	if d.write != nil {
		return 0, d.write
	}
	return d.JournalFile.WriteAt(b, at)
}

func (d diskFile) Sync() error {
	if d.sync != nil {
		return d.sync
	}
	return d.JournalFile.Sync()
}

func (d diskFile) Truncate(n int64) error {
	if d.cut != nil {
		return d.cut
	}
	return d.JournalFile.Truncate(n)
}

// broken opens a store whose disk fails as told: d for the journal, at for the
// points of a write.
func broken(t *testing.T, path string, d *disk, at *map[Point]error) *Store {
	t.Helper()
	return openWith(t, Options{Path: path, Seams: Seams{
		Journal: func(f JournalFile) JournalFile { return diskFile{f, d} },
		At:      func(_ string, p Point) error { return (*at)[p] },
	}})
}

// killed is the store as another process would find it if this one were killed
// now. Its files are copied, since the lock is held.
func killed(t *testing.T, path string) *Store {
	t.Helper()
	to := newPath(t)
	for _, ext := range []string{".db", ".key", ".id", ".journal"} {
		write(t, beside(to, ext), read(t, beside(path, ext)))
	}
	return open(t, to)
}

// TestS03NoRoom: a write that finds no room fails and changes nothing; with room
// again, it works. What a refresh brought is in the journal if there was room in
// that.
func TestS03NoRoom(t *testing.T) {
	full := &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	tests := map[string]struct {
		fill func(*disk, map[Point]error)
		kept bool // the refreshed token outlives a kill
	}{
		"journal":                           {func(d *disk, _ map[Point]error) { d.write = full }, false},
		"short write of the journal":        {func(d *disk, _ map[Point]error) { d.write, d.short = full, true }, false},
		"short write, and it cannot be cut": {func(d *disk, _ map[Point]error) { d.write, d.short, d.cut = full, true, full }, false},
		"file":                              {func(_ *disk, at map[Point]error) { at[JournalSynced] = full }, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			d, at := new(disk), map[Point]error{}
			s := broken(t, path, d, &at)
			save(t, s, tokens(0))
			begin(t, s, 0, 0)
			tt.fill(d, at)
			if _, err := s.Save(t.Context(), simple("b", "1")); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("Save: %v", err)
			}
			if _, err := s.Commit(t.Context(), tokens(1), 0); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("Commit: %v", err)
			}
			if err := s.Delete(t.Context(), "a"); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("Delete: %v", err)
			}
			if got := s.Trouble(); (got != nil) != tt.kept {
				t.Errorf("trouble: %v", got)
			}
			want := tokens(0)
			if tt.kept {
				want = tokens(1)
			}
			if diff := cmp.Diff([]*auth.Auth{want}, list(t, killed(t, path))); diff != "" {
				t.Errorf("after a kill (-want +got):\n%s", diff)
			}
			*d = disk{}
			clear(at)
			save(t, s, simple("b", "2")) // what was late comes first
			if got := commit(t, s, 0, 1); got != 1 {
				t.Errorf("generation %d", got)
			}
			if err := s.Trouble(); err != nil {
				t.Errorf("trouble: %v", err)
			}
			for _, s := range []*Store{s, killed(t, path)} {
				if diff := cmp.Diff([]*auth.Auth{tokens(1), simple("b", "2")}, list(t, s)); diff != "" {
					t.Errorf("in the end (-want +got):\n%s", diff)
				}
			}
			refreshes(t, s, RefreshState{ID: "a", Generation: 1, Trial: true})
		})
	}
}

// TestS04FailedFsync: what was to be written is not taken for written, no second
// fsync is trusted, and reading goes on. A restart finds a whole store, and the
// token if it was durable anywhere.
func TestS04FailedFsync(t *testing.T) {
	bad := &os.PathError{Op: "sync", Path: "x", Err: syscall.EIO}
	tests := map[string]func(*disk, map[Point]error){
		"journal": func(d *disk, _ map[Point]error) { d.sync = bad },
		"file":    func(_ *disk, at map[Point]error) { at[Committed] = bad },
		"no room, and the journal's entry cannot be taken back": func(d *disk, at map[Point]error) {
			at[JournalSynced], d.cut = syscall.ENOSPC, bad
		},
	}
	for name, fill := range tests {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			d, at := new(disk), map[Point]error{}
			s := broken(t, path, d, &at)
			save(t, s, tokens(0))
			begin(t, s, 0, 0)
			fill(d, at)
			var err error
			if at[JournalSynced] == nil {
				_, err = s.Commit(t.Context(), tokens(1), 0)
			} else {
				_, err = s.Save(t.Context(), tokens(1))
			}
			if !errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "restart") {
				t.Errorf("%v", err)
			}
			*d = disk{}
			clear(at)
			if _, err := s.Save(t.Context(), simple("b", "1")); !errors.Is(err, ErrReadOnly) {
				t.Errorf("Save: %v", err)
			}
			if err := s.Trouble(); !errors.Is(err, ErrReadOnly) {
				t.Errorf("trouble: %v", err)
			}
			list(t, s)
			// Here all that was written did reach the disk.
			closeStore(t, s)
			s = open(t, path)
			if diff := cmp.Diff([]*auth.Auth{tokens(1)}, list(t, s)); diff != "" {
				t.Errorf("after a restart (-want +got):\n%s", diff)
			}
			save(t, s, simple("b", "1"))
		})
	}
}

// TestS07FlippedBit: only that record is lost, by name.
func TestS07FlippedBit(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	for _, id := range []string{"a", "b", "c"} {
		save(t, s, simple(id, "1"))
	}
	closeStore(t, s)
	flipValue(t, path, bucketAuths, "b")
	s = open(t, path)
	var corrupt *CorruptError
	all, err := s.List(t.Context())
	if !errors.As(err, &corrupt) || cmp.Diff([]string{"b"}, corrupt.IDs()) != "" || cmp.Diff([]string{"a", "c"}, idsOf(all)) != "" {
		t.Errorf("%v, %v", idsOf(all), err)
	}
	save(t, s, simple("d", "1"))
}
