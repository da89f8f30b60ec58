package boltstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// fill puts n credentials and one record of each other kind into a store.
func fillStore(t *testing.T, s *Store, n int) {
	t.Helper()
	var all []*auth.Auth
	for i := range n {
		all = append(all, simple(fmt.Sprintf("id-%04d", i), fmt.Sprint("secret ", i)))
	}
	if err := s.SaveAll(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	for _, bucket := range []string{ClientKeys, Cooldowns, Plugins} {
		if err := s.Records(bucket).Put(t.Context(), "one", []byte(bucket)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Begin(t.Context(), "id-0000", 0, "x"); err != nil {
		t.Fatal(err)
	}
}

// sealedWith checks that everything opens and is sealed with one key.
func sealedWith(t *testing.T, s *Store, key string, n int) {
	t.Helper()
	c, err := s.Check(t.Context(), nil)
	if err != nil || len(c.Problems) > 0 {
		t.Fatalf("%v, %q", err, c.Problems)
	}
	if c.Keys[key] != n || len(c.Keys) != 1 {
		t.Errorf("sealed with: %v, want %d with %s", c.Keys, n, key)
	}
}

// TestRotateKey rotates while others read and write.
func TestRotateKey(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	fillStore(t, s, 600)
	oldKey := read(t, beside(path, ".key"))
	var b strings.Builder
	if err := s.Backup(t.Context(), toBuilder(&b)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			if _, err := s.Save(ctx, simple("id-0001", fmt.Sprint("changed ", i))); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			if all, err := s.List(ctx); (err != nil || len(all) != 600) && ctx.Err() == nil {
				t.Errorf("%d, %v", len(all), err)
			}
		}
	})
	steps := 0
	r, err := s.RotateKey(t.Context(), func(done, all int) {
		steps++
		if done > all || all < 600 {
			t.Errorf("step %d of %d", done, all)
		}
	})
	stop()
	wg.Wait()
	if err != nil || r.Resumed || r.Records == 0 || steps < 2 || r.Old == r.New {
		t.Fatalf("%+v, %v", r, err)
	}
	if s.Rotating() {
		t.Error("it is still going on")
	}
	sealedWith(t, s, r.New, 604)
	save(t, s, simple("id-0002", "after"))
	closeStore(t, s)
	sealedWith(t, open(t, path), r.New, 604)
	// The old key is kept for the backup, and of no use for the store.
	if string(read(t, r.OldKeyFile)) != string(oldKey) {
		t.Error("the old key was not kept")
	}
	to := newPath(t)
	write(t, beside(to, ".key"), oldKey)
	write(t, to+".backup", []byte(b.String()))
	if _, err := Restore(t.Context(), RestoreOptions{Options: Options{Path: to}, From: to + ".backup"}); err != nil {
		t.Error(err)
	}
	write(t, beside(to, ".key"), read(t, beside(path, ".key")))
	_, err = Restore(t.Context(), RestoreOptions{Options: Options{Path: newPathWith(t, to, ".key")}, From: to + ".backup"})
	if !errors.Is(err, ErrWrongKey) || !strings.Contains(err.Error(), ".old-"+r.Old) {
		t.Errorf("an old backup with the new key: %v", err)
	}
}

// newPathWith is a new path with a file of another store beside it.
func newPathWith(t *testing.T, from, ext string) string {
	t.Helper()
	path := newPath(t)
	write(t, beside(path, ext), read(t, beside(from, ext)))
	return path
}

// TestS10InterruptedRotation ends a rotation after each batch, and before the
// first and the last step: all is readable, and the next one goes on.
func TestS10InterruptedRotation(t *testing.T) {
	full := errors.New("no room")
	for after := range 6 {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			path := newPath(t)
			writes := 0
			s := openWith(t, Options{Path: path, Seams: Seams{At: func(_ string, p Point) error {
				if p == BeforeJournal {
					writes--
				}
				if p == JournalSynced && writes < 0 {
					return full
				}
				return nil
			}}})
			writes = 1000
			fillStore(t, s, 600)
			writes = after
			first, err := s.RotateKey(t.Context(), nil)
			if interrupted := after < 3; (err != nil) != interrupted {
				t.Fatalf("%+v, %v", first, err)
			} else if interrupted && (!s.Rotating() || !strings.Contains(err.Error(), "run it again")) {
				t.Errorf("rotating: %v, %v", s.Rotating(), err)
			}
			closeStore(t, s)
			s = open(t, path)
			if got := len(list(t, s)); got != 600 {
				t.Errorf("%d credentials", got)
			}
			if !s.Rotating() {
				sealedWith(t, s, first.New, 604)
				return
			}
			save(t, s, simple("id-0003", "between"))
			second, err := s.RotateKey(t.Context(), nil)
			if err != nil || !second.Resumed || second.New != first.New || second.Old != first.Old || second.OldKeyFile != first.OldKeyFile {
				t.Fatalf("%+v after %+v, %v", second, first, err)
			}
			sealedWith(t, s, first.New, 604)
			closeStore(t, s)
			sealedWith(t, open(t, path), first.New, 604)
		})
	}
}

// TestRotationOfADamagedRecord: it stays damaged, and stops nothing.
func TestRotationOfADamagedRecord(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	fillStore(t, s, 3)
	closeStore(t, s)
	flipValue(t, path, bucketAuths, "id-0001")
	s = open(t, path)
	r, err := s.RotateKey(t.Context(), nil)
	if err != nil || r.Unreadable != 1 || r.Records != 6 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestKeyGiven: a key may be in the environment, in a named file, or one of
// systemd's credentials; the first start takes it too.
func TestKeyGiven(t *testing.T) {
	text := string(otherKey(t))
	dir := t.TempDir()
	write(t, filepath.Join(dir, credentialKey), []byte(text))
	chmod(t, filepath.Join(dir, credentialKey), 0o440) // as an access list looks
	write(t, filepath.Join(dir, "named"), []byte(text))
	for name, env := range map[string]map[string]string{
		"$PATCHBAY_STORE_KEY": {EnvKey: text, EnvKeyFile: "nowhere", envCredentials: dir},
		"systemd":             {envCredentials: dir},
	} {
		t.Run(name, func(t *testing.T) {
			file, given := KeyFrom(func(name string) string { return env[name] })
			if file != "" || given == nil || strings.Contains(fmt.Sprintf("%v %+v %#v %s", given, *given, given, *given), "keyData") {
				t.Fatalf("%q, %v", file, given)
			}
			o := Options{Path: newPath(t), Key: given}
			for i := range 2 {
				s := openWith(t, o)
				if got := len(list(t, s)); got != i {
					t.Errorf("%d credentials", got)
				}
				save(t, s, simple("a", "1"))
				if _, err := s.RotateKey(t.Context(), nil); !errors.Is(err, ErrKeyGiven) || !strings.Contains(err.Error(), given.String()) {
					t.Errorf("RotateKey: %v", err)
				}
				closeStore(t, s)
			}
			o.Key = &Key{from: "elsewhere", text: string(otherKey(t))}
			if _, err := Open(t.Context(), o); !errors.Is(err, ErrWrongKey) || !strings.Contains(err.Error(), "elsewhere") {
				t.Errorf("another key: %v", err)
			}
			o.Key.text = "canary"
			if _, err := Open(t.Context(), o); !errors.Is(err, ErrWrongKey) || strings.Contains(err.Error(), "canary") {
				t.Errorf("no key: %v", err)
			}
		})
	}
	if file, given := KeyFrom(func(name string) string { return map[string]string{EnvKeyFile: "named", envCredentials: dir}[name] }); file != "named" || given != nil {
		t.Errorf("a named file: %q, %v", file, given)
	}
	if file, given := KeyFrom(func(string) string { return "" }); file != "" || given != nil {
		t.Errorf("nothing: %q, %v", file, given)
	}
}

// TestCheck finds what is wrong, and tells how far it is.
func TestCheck(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	fillStore(t, s, 5)
	last, all := 0, 0
	c, err := s.Check(t.Context(), func(done, of int) { last, all = done, of })
	if err != nil || len(c.Problems) > 0 || c.Records[bucketAuths] != 5 || c.JournalEntries == 0 || c.Generation == 0 || last != 9 || all != 9 {
		t.Errorf("%+v, %v (%d of %d)", c, err, last, all)
	}
	closeStore(t, s)
	flipValue(t, path, bucketAuths, "id-0003")
	tamper(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte(ClientKeys)).Delete([]byte("one")) })
	s = open(t, path)
	raw := read(t, journalPath(path))
	raw[len(raw)-1] ^= 1
	write(t, journalPath(path), raw)
	c, err = s.Check(t.Context(), nil)
	for _, want := range []string{`auths "id-0003": its seal`, `client_keys "one": it was written and is gone`, "at its end are no entry", "journal: it is at generation"} {
		if !strings.Contains(strings.Join(c.Problems, "\n"), want) {
			t.Errorf("problems %q, want %q, %v", c.Problems, want, err)
		}
	}
}
