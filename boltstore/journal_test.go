package boltstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// noted opens a store and collects what it tells.
func noted(t *testing.T, path string) (*Store, *[]string) {
	t.Helper()
	var notes []string
	return openWith(t, Options{Path: path, Note: func(text string) { notes = append(notes, text) }}), &notes
}

// TestJournalBringsAnyOldStoreForward: whatever earlier state of the file is put
// back, the journal makes it the newest again.
func TestJournalBringsAnyOldStoreForward(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	var states [][]byte
	keep := func() {
		var b bytes.Buffer
		if err := s.db.View(func(tx *bbolt.Tx) error { _, err := tx.WriteTo(&b); return err }); err != nil {
			t.Fatal(err)
		}
		states = append(states, b.Bytes())
	}
	keep()
	for i := range 12 {
		save(t, s, simple(fmt.Sprintf("id-%d", i%5), strings.Repeat("x", i*100)))
		if i%4 == 3 {
			if err := s.Delete(t.Context(), fmt.Sprintf("id-%d", (i+1)%5)); err != nil {
				t.Fatal(err)
			}
		}
		if i == 7 {
			if err := s.compact(); err != nil {
				t.Fatal(err)
			}
		}
		keep()
	}
	want := list(t, s)
	closeStore(t, s)
	journal := read(t, journalPath(path))
	for i, state := range states {
		write(t, path, state)
		write(t, journalPath(path), journal)
		s, notes := noted(t, path)
		if diff := cmp.Diff(want, list(t, s)); diff != "" {
			t.Errorf("state %d (-want +got):\n%s", i, diff)
		}
		if last := i == len(states)-1; (len(*notes) == 0) != last {
			t.Errorf("state %d: notes %q", i, *notes)
		}
		save(t, s, simple("new", "1"))
		closeStore(t, s)
		s = open(t, path)
		if got := len(list(t, s)); got != len(want)+1 {
			t.Errorf("state %d: %d credentials after a further write", i, got)
		}
		closeStore(t, s)
	}
}

// TestTornJournal cuts the journal everywhere, and changes each byte of its last
// entry: the store opens, and loses nothing.
func TestTornJournal(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	for i := range 3 {
		save(t, s, simple("a", fmt.Sprint(i)))
	}
	before := s.journal.size
	save(t, s, simple("a", "last"))
	closeStore(t, s)
	file, whole := read(t, path), read(t, journalPath(path))
	check := func(what string, journal []byte) {
		t.Helper()
		write(t, path, file)
		write(t, journalPath(path), journal)
		s := open(t, path)
		if got := list(t, s); got[0].Metadata["access_token"] != "last" {
			t.Errorf("%s: %v", what, got[0].Metadata)
		}
		closeStore(t, s)
		if _, err := scanPath(journalPath(path), s.id, nil); err != nil {
			t.Errorf("%s: the journal afterwards: %v", what, err)
		}
	}
	for size := 0; size < len(whole); size += 13 {
		check(fmt.Sprintf("cut to %d", size), whole[:size])
	}
	for at := int(before); at < len(whole); at += 5 {
		raw := slices.Clone(whole)
		raw[at] ^= 0x40
		check(fmt.Sprintf("changed at %d", at), raw)
	}
	check("something behind it", append(slices.Clone(whole), "not an entry"...))
}

func TestJournalMissingOrUnreadable(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	save(t, s, simple("a", "1"))
	closeStore(t, s)
	remove(t, journalPath(path))
	s, notes := noted(t, path)
	if len(*notes) != 1 || !strings.Contains((*notes)[0], "was missing") {
		t.Errorf("notes: %q", *notes)
	}
	closeStore(t, s)
	write(t, journalPath(path), []byte("some other file"))
	s, notes = noted(t, path)
	if len(*notes) != 1 || !strings.Contains((*notes)[0], "journal.damaged-1") {
		t.Errorf("notes: %q", *notes)
	}
	closeStore(t, s)
	if got := read(t, journalPath(path)+".damaged-1"); string(got) != "some other file" {
		t.Errorf("set aside: %q", got)
	}
}

// TestJournalStaysShort: it is written anew when it has grown, and what a cut-off
// rewrite left behind goes away.
func TestJournalStaysShort(t *testing.T) {
	path := newPath(t)
	write(t, journalPath(path)+newSuffix+"123", []byte("left"))
	s := open(t, path)
	if _, err := os.Stat(journalPath(path) + newSuffix + "123"); err == nil {
		t.Error("a cut-off rewrite is still there")
	}
	longest := int64(0)
	for i := range 60 {
		save(t, s, simple("a", strings.Repeat("x", 200_000)+fmt.Sprint(i)))
		longest = max(longest, s.journal.size)
	}
	if longest > 6<<20 || s.journal.size >= longest {
		t.Errorf("the journal grew to %d and is %d", longest, s.journal.size)
	}
	if left, _ := filepath.Glob(journalPath(path) + newSuffix + "*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	closeStore(t, s)
	list(t, open(t, path))
}

// TestJournalAndFileAreTheSame drives a store at random, with failures, and
// rebuilds the file from the journal alone at the end of each run.
func TestJournalAndFileAreTheSame(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir := filepath.Join(t.TempDir(), "s")
		path := filepath.Join(dir, "patchbay.db")
		d, at := new(disk), map[Point]error{}
		s := broken(t, path, d, &at)
		model := map[string]string{}
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "id")
			d.write, d.short = nil, false
			clear(at)
			full := rapid.SampledFrom([]string{"", "", "journal", "short", "file"}).Draw(r, "full")
			switch full {
			case "journal":
				d.write = errFull
			case "short":
				d.write, d.short = errFull, true
			case "file":
				at[JournalSynced] = errFull
			}
			var err error
			value := rapid.StringN(0, 40, -1).Draw(r, "value")
			if rapid.IntRange(0, 3).Draw(r, "kind") == 0 {
				err = s.Delete(t.Context(), id)
				value = "\x00gone"
			} else {
				_, err = s.Save(t.Context(), simple(id, value))
			}
			switch {
			case (err != nil) != (full != ""):
				r.Fatalf("%s: %v", full, err)
			case err != nil:
			case value == "\x00gone":
				delete(model, id)
			default:
				model[id] = value
			}
			if rapid.IntRange(0, 5).Draw(r, "restart") == 0 {
				closeStore(t, s)
				s = broken(t, path, d, &at)
			}
			if rapid.IntRange(0, 9).Draw(r, "compact") == 0 {
				if err := s.compact(); err != nil {
					r.Fatal(err)
				}
			}
		}
		same := func(all []*auth.Auth) {
			got := map[string]string{}
			for _, a := range all {
				got[a.ID] = a.Metadata["access_token"].(string)
			}
			if diff := cmp.Diff(model, got); diff != "" {
				r.Fatalf("(-want +got):\n%s", diff)
			}
		}
		same(list(t, s))
		closeStore(t, s)
		s = open(t, path)
		if err := s.bringForward(0); err != nil {
			r.Fatal(err)
		}
		same(list(t, s))
		closeStore(t, s)
	})
}

var errFull = fmt.Errorf("write: %w", syscall.ENOSPC)

// FuzzScanJournal: no bytes make it fail in another way than it should, or read
// what is not there.
func FuzzScanJournal(f *testing.F) {
	store := strings.Repeat("ab", 16)
	seal, _, err := newKey()
	if err != nil {
		f.Fatal(err)
	}
	lead, err := journalHead(store)
	if err != nil {
		f.Fatal(err)
	}
	one, err := frame(seal, store, 7, entry{kind: entryWhole, ops: []op{{bucket: "auths", id: "a", generation: 7, sealed: []byte("x")}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(slices.Clone(lead), one...))
	f.Add(lead)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		read := int64(0)
		got, err := scanJournal(io.LimitReader(bytes.NewReader(raw), int64(len(raw))), int64(len(raw)), "j", store, func(_ header, sealed []byte) error {
			read += frameHeader + int64(len(sealed))
			if _, err := openEntry(seal, store, sealed); err != nil && errors.Is(err, ErrDamaged) {
				t.Error(err)
			}
			return nil
		})
		if err == nil && (got.end != journalHeader+read || got.end+got.rest != int64(len(raw))) {
			t.Errorf("%+v of %d bytes, %d read", got, len(raw), read)
		}
	})
}

// FuzzDecodeEntry: what decodes encodes to the same.
func FuzzDecodeEntry(f *testing.F) {
	f.Add(entry{kind: entryWhole, more: 3, ops: []op{{bucket: "auths", id: "a", generation: 7, sealed: []byte("x")}, {bucket: "auths", id: "b"}}}.encode())
	f.Add([]byte{1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := decodeEntry(raw)
		if err == nil && !bytes.Equal(e.encode(), raw) {
			t.Errorf("%+v encodes to other bytes", e)
		}
	})
}
