package boltstore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// TestOpenRefuses: each refusal has its kind, names the file, says what to do,
// and changes nothing.
func TestOpenRefuses(t *testing.T) {
	set := func(key, value string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			tamper(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketMeta)).Put([]byte(key), []byte(value)) })
		}
	}
	key := func(path string) string { return beside(path, ".key") }
	tests := []struct {
		name   string
		change func(t *testing.T, path string)
		kind   error
		says   string
	}{
		{"S-08 store is empty", func(t *testing.T, path string) { write(t, path, nil) }, ErrDamaged, "is empty, but"},
		{"S-08 store is missing", func(t *testing.T, path string) { remove(t, path) }, ErrDamaged, "is missing, but"},
		{"store and identity are missing", func(t *testing.T, path string) { remove(t, path); remove(t, identityPath(path)) }, ErrDamaged, "patchbay.journal says"},
		{"store, identity and journal are missing", func(t *testing.T, path string) {
			remove(t, path)
			remove(t, identityPath(path))
			remove(t, journalPath(path))
		}, ErrDamaged, "patchbay.key says"},
		{"store and key are missing", func(t *testing.T, path string) { remove(t, path); remove(t, key(path)) }, ErrDamaged, "patchbay.id says"},
		{"store is a directory", func(t *testing.T, path string) { remove(t, path); mkdir(t, path) }, ErrDamaged, "not a regular file"},
		{"store is some other file", func(t *testing.T, path string) { write(t, path, []byte(strings.Repeat("text\n", 5000))) }, ErrDamaged, "restore it"},
		{"store is too short", func(t *testing.T, path string) { write(t, path, read(t, path)[:1000]) }, ErrDamaged, "restore it"},
		{"store is another bbolt file", func(t *testing.T, path string) {
			remove(t, path)
			tamper(t, path, func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("x")); return err })
		}, ErrDamaged, `no bucket "meta"`},
		{"store is an empty bbolt file", func(t *testing.T, path string) {
			remove(t, path)
			tamper(t, path, func(*bbolt.Tx) error { return nil })
		}, ErrDamaged, "another state"},
		{"store is an empty bbolt file and identity is missing", func(t *testing.T, path string) {
			remove(t, path)
			remove(t, identityPath(path))
			tamper(t, path, func(*bbolt.Tx) error { return nil })
		}, ErrDamaged, "it holds nothing"},
		{"store lost a bucket", func(t *testing.T, path string) {
			tamper(t, path, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(Plugins)) })
		}, ErrDamaged, `no bucket "plugins"`},
		{"store of another identity", set(metaStore, strings.Repeat("0", 32)), ErrDamaged, "another store"},
		{"id is not an id", set(metaStore, "x"), ErrDamaged, "its id"},
		{"identity is some other file", func(t *testing.T, path string) { write(t, identityPath(path), []byte("x")) }, ErrDamaged, "not an identity file"},
		{"schema is not a number", set(metaSchema, "x"), ErrDamaged, "schema version"},
		{"S-12 schema is newer", set(metaSchema, "3"), ErrNewerSchema, "schema 3"},
		{"schema is newer and the key is unknown", func(t *testing.T, path string) {
			set(metaSchema, "3")(t, path)
			write(t, key(path), []byte("a key of the future"))
		}, ErrNewerSchema, "schema 3"},
		{"head is not a record", set(metaHead, "x"), ErrDamaged, "head record"},
		{"head does not open", func(t *testing.T, path string) {
			tamper(t, path, func(tx *bbolt.Tx) error {
				meta := tx.Bucket([]byte(bucketMeta))
				raw := append([]byte(nil), meta.Get([]byte(metaHead))...)
				raw[len(raw)-1] ^= 1
				return meta.Put([]byte(metaHead), raw)
			})
		}, ErrDamaged, "does not open"},
		{"S-10 key is missing", func(t *testing.T, path string) { remove(t, key(path)) }, ErrWrongKey, "is sealed with key "},
		{"S-10 key is of another store", func(t *testing.T, path string) { write(t, key(path), otherKey(t)) }, ErrWrongKey, "is sealed with key "},
		{"key is empty", func(t *testing.T, path string) { write(t, key(path), nil) }, ErrWrongKey, "not a key set"},
		{"key is some other file", func(t *testing.T, path string) { write(t, key(path), []byte(`{"secret":"canary"}`)) }, ErrWrongKey, "not a key set"},
		{"key is too large", func(t *testing.T, path string) { write(t, key(path), make([]byte, keyFileMax+1)) }, ErrWrongKey, "too large"},
		{"key is a directory", func(t *testing.T, path string) { remove(t, key(path)); mkdir(t, key(path)) }, ErrWrongKey, "not a regular file"},
		{"C-06 store is readable by all", func(t *testing.T, path string) { chmod(t, path, 0o644) }, ErrExposed, "chmod 600 "},
		{"C-06 journal is readable by all", func(t *testing.T, path string) { chmod(t, journalPath(path), 0o604) }, ErrExposed, "chmod 600 "},
		{"journal is of another store", func(t *testing.T, path string) {
			raw := read(t, journalPath(path))
			raw[len(journalMagic)] ^= 1
			write(t, journalPath(path), raw)
		}, ErrDamaged, "journal of another store"},
		{"C-06 key is readable by all", func(t *testing.T, path string) { chmod(t, key(path), 0o644) }, ErrKeyExposed, "chmod 600 "},
		{"key is readable by the group", func(t *testing.T, path string) { chmod(t, key(path), 0o640) }, ErrKeyExposed, "chmod 600 "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := newPath(t)
			s := open(t, path)
			save(t, s, simple("a", "1"))
			closeStore(t, s)
			tt.change(t, path)
			before := snapshot(t, filepath.Dir(path))
			for range 2 { // the lock was given back, and nothing was mended behind our back
				_, err := Open(t.Context(), Options{Path: path, Timeout: 20 * time.Millisecond})
				if !errors.Is(err, tt.kind) {
					t.Fatalf("got %v, want %v", err, tt.kind)
				}
				if text := err.Error(); !strings.Contains(text, tt.says) || !strings.Contains(text, filepath.Dir(path)) || strings.Contains(text, "canary") {
					t.Errorf("it says %q, want %q in it", text, tt.says)
				}
			}
			if after := snapshot(t, filepath.Dir(path)); before != after {
				t.Errorf("files before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

// TestS09SecondProcess: who comes second is told within two seconds, by name.
func TestS09SecondProcess(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	unchanged(t, path)
	_, err := Open(t.Context(), Options{Path: path, Timeout: 30 * time.Millisecond})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Fatalf("second opener: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, Options{Path: path, Timeout: time.Hour}); !errors.Is(err, ErrLocked) && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("second opener with a deadline: %v", err)
	}
	closeStore(t, s)
	open(t, path)
}

// TestFirstStart: whatever the first start had written when it ended, the next
// one completes it, and a store is ready in one go.
func TestFirstStart(t *testing.T) {
	key := func(path string) string { return beside(path, ".key") }
	tests := []struct {
		name string
		lose func(t *testing.T, path string)
	}{
		{"nothing", func(*testing.T, string) {}},
		{"before the journal", func(t *testing.T, path string) { remove(t, journalPath(path)) }},
		{"before bbolt wrote", func(t *testing.T, path string) {
			remove(t, journalPath(path))
			remove(t, key(path))
			remove(t, identityPath(path))
			write(t, path, nil)
		}},
		{"before the first transaction", func(t *testing.T, path string) {
			remove(t, journalPath(path))
			remove(t, key(path))
			remove(t, identityPath(path))
			remove(t, path)
			tamper(t, path, func(*bbolt.Tx) error { return nil })
		}},
		{"before the key file", func(t *testing.T, path string) { remove(t, key(path)); remove(t, identityPath(path)) }},
		{"before the identity file", func(t *testing.T, path string) { remove(t, identityPath(path)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "made", "too", "patchbay.db")
			closeStore(t, open(t, path))
			tt.lose(t, path)
			s := open(t, path)
			save(t, s, simple("a", "1"))
			closeStore(t, s)
			for _, p := range []string{path, key(path), identityPath(path), journalPath(path)} {
				if info, err := os.Stat(p); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%s: %v, %v", filepath.Base(p), info, err)
				}
			}
			if got := list(t, open(t, path)); len(got) != 1 {
				t.Errorf("%d credentials", len(got))
			}
		})
	}
}

// TestFirstStartAtOnce: several first starts make one store with one key.
func TestFirstStartAtOnce(t *testing.T) {
	path := newPath(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := Open(t.Context(), Options{Path: path, Timeout: 10 * time.Second})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Records(ClientKeys).Put(t.Context(), "first", []byte("x")); err != nil {
				t.Error(err)
			}
			closeStore(t, s)
		})
	}
	wg.Wait()
	if all, err := open(t, path).Records(ClientKeys).All(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%d records, %v", len(all), err)
	}
}

// TestKeyFileElsewhere: the key file need not lie beside the store.
func TestKeyFileElsewhere(t *testing.T) {
	path, keyFile := newPath(t), filepath.Join(t.TempDir(), "secret.json")
	for range 2 {
		s, err := Open(t.Context(), Options{Path: path, KeyFile: keyFile})
		if err != nil {
			t.Fatal(err)
		}
		save(t, s, simple("a", "1"))
		closeStore(t, s)
	}
	if _, err := os.Stat(beside(path, ".key")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key file lies beside the store: %v", err)
	}
}

func TestOpenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := newPath(t)
	if _, err := Open(ctx, Options{Path: path}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a store was made: %v", err)
	}
}

func TestOpenPlainFailures(t *testing.T) {
	if _, err := Open(t.Context(), Options{}); err == nil {
		t.Error("an empty path was taken")
	}
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, []byte("x"))
	_, err := Open(t.Context(), Options{Path: filepath.Join(file, "patchbay.db")})
	if err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("a file for a directory: %v", err)
	}
}

func TestClose(t *testing.T) {
	s := open(t, newPath(t))
	save(t, s, simple("a", "1"))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { closeStore(t, s) })
		wg.Go(func() {
			if _, err := s.List(t.Context()); err != nil && !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
			if _, err := s.Save(t.Context(), simple("b", "1")); err != nil && !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if _, err := s.List(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("List: %v", err)
	}
	if err := s.Delete(t.Context(), "a"); !errors.Is(err, ErrClosed) {
		t.Errorf("Delete: %v", err)
	}
	if _, _, err := s.Records(Plugins).Get(t.Context(), ""); !errors.Is(err, ErrClosed) {
		t.Errorf("Get: %v", err)
	}
}

// TestWaitingWriteEndsWithItsContext: who waits for another's write may leave.
func TestWaitingWriteEndsWithItsContext(t *testing.T) {
	s := open(t, newPath(t))
	s.turn <- struct{}{}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if _, err := s.Save(ctx, simple("a", "1")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	<-s.turn
	save(t, s, simple("a", "1"))
}

func otherKey(t *testing.T) []byte {
	t.Helper()
	_, raw, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// snapshot describes every file of a directory: name, mode and a sum.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(d.Name() + " " + info.Mode().String())
		if info.Mode().IsRegular() {
			b.WriteString(" " + sum(read(t, p)))
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
