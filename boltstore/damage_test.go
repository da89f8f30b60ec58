package boltstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/auth"
)

func sum(raw []byte) string { return fmt.Sprintf("%x", sha256.Sum256(raw)) }

const pageSize = 4096

// TestDamagedPages damages each page of a store in turn. Whatever the page was
// for, nothing panics, and no credential is missing or changed without an error
// that says so.
func TestDamagedPages(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	want := map[string]string{}
	for i := range 60 {
		id, secret := fmt.Sprintf("id-%02d", i), strings.Repeat("s", i*20)
		save(t, s, simple(id, secret))
		want[id] = secret
	}
	for i := range 20 {
		if err := s.Delete(t.Context(), fmt.Sprintf("id-%02d", i*3)); err != nil {
			t.Fatal(err)
		}
		delete(want, fmt.Sprintf("id-%02d", i*3))
	}
	closeStore(t, s)
	whole := read(t, path)
	random := rand.New(rand.NewPCG(1, 2))
	damages := []struct {
		name string
		do   func(page []byte)
	}{
		{"zeroed", func(page []byte) { clear(page) }},
		{"garbage", func(page []byte) { fill(random, page) }},
		{"garbage after the header", func(page []byte) { fill(random, page[16:]) }},
		{"count", func(page []byte) { page[10] ^= 0x0f }},
		{"kind", func(page []byte) { page[8] ^= 0x03 }},
		{"one element", func(page []byte) { fill(random, page[16:32]) }},
		{"one bit", func(page []byte) { page[16+random.IntN(len(page)-16)] ^= 1 << random.IntN(8) }},
	}
	found := map[string]int{}
	for page := 2; (page+1)*pageSize <= len(whole); page++ { // 0 and 1 are bbolt's meta pages
		for _, damage := range damages {
			raw := append([]byte(nil), whole...)
			damage.do(raw[page*pageSize : (page+1)*pageSize])
			write(t, path, raw)
			outcome := useDamaged(t, fmt.Sprintf("page %d %s", page, damage.name), path, want)
			found[outcome]++
			if outcome == "refused" && sum(read(t, path)) != sum(raw) {
				t.Errorf("page %d %s: the file was changed", page, damage.name)
			}
		}
	}
	t.Logf("outcomes: %v", found)
	for _, outcome := range []string{"refused", "some unreadable", "all there"} {
		if found[outcome] == 0 {
			t.Errorf("no damage had the outcome %q", outcome)
		}
	}
}

// useDamaged opens, lists, and says how that went.
func useDamaged(t *testing.T, what, path string, want map[string]string) string {
	t.Helper()
	s, err := Open(t.Context(), Options{Path: path, Timeout: 20 * time.Millisecond})
	if err != nil {
		refusal(t, what, path, err)
		return "refused"
	}
	defer func() {
		if err := s.Close(); err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: Close: %v", what, err)
		}
	}()
	good, err := s.List(t.Context())
	var corrupt *auth.CorruptError
	if err != nil && !errors.As(err, &corrupt) {
		refusal(t, what, path, err)
		return "refused"
	}
	for _, a := range good {
		if secret, ok := want[a.ID]; !ok || a.Metadata["access_token"] != secret {
			t.Errorf("%s: %q came back changed", what, a.ID)
		}
	}
	if corrupt != nil {
		return "some unreadable"
	}
	if len(good) != len(want) {
		t.Errorf("%s: %d of %d credentials, and no error", what, len(good), len(want))
	}
	return "all there"
}

func refusal(t *testing.T, what, path string, err error) {
	t.Helper()
	typed := errors.Is(err, ErrDamaged) || errors.Is(err, ErrNewerSchema) || errors.Is(err, ErrWrongKey)
	if !typed || !strings.Contains(err.Error(), path) {
		t.Errorf("%s: %v", what, err)
	}
}

func fill(random *rand.Rand, page []byte) {
	for i := range page {
		page[i] = byte(random.Uint32())
	}
}

// TestDamageWhileRunning: after the first panic inside bbolt, every call fails
// at once, none hangs on a lock that bbolt left behind, and Close gives the
// file back.
func TestDamageWhileRunning(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	save(t, s, simple("a", "1"))
	before := read(t, path)
	err := s.write(t.Context(), opOther, func(*txn) error { panic("page 7: unexpected page type") })
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "page 7") {
		t.Fatalf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := s.Save(ctx, simple("b", "1")); !errors.Is(err, ErrDamaged) {
		t.Errorf("Save: %v", err)
	}
	if _, err := s.List(ctx); !errors.Is(err, ErrDamaged) {
		t.Errorf("List: %v", err)
	}
	closeStore(t, s)
	closeStore(t, s)
	if sum(read(t, path)) != sum(before) {
		t.Error("the file was changed")
	}
	if got := list(t, open(t, path)); len(got) != 1 {
		t.Errorf("%d credentials after a restart", len(got))
	}
}

// TestS05MetaPageLost: with its newest meta page gone, bbolt is back one
// transaction, consistently, and nothing in the file says so. The journal does.
func TestS05MetaPageLost(t *testing.T) {
	for what, last := range map[string]func(t *testing.T, s *Store){
		"save": func(t *testing.T, s *Store) { save(t, s, simple("a", "second")) },
		"delete": func(t *testing.T, s *Store) {
			save(t, s, simple("a", "second"))
			if err := s.Delete(t.Context(), "b"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			path := newPath(t)
			s := open(t, path)
			save(t, s, simple("b", "other"))
			save(t, s, simple("a", "first"))
			last(t, s)
			want := list(t, s)
			closeStore(t, s)
			whole, journal := read(t, path), read(t, journalPath(path))
			wentBack := 0
			for page := range 2 {
				raw := append([]byte(nil), whole...)
				clear(raw[page*pageSize : (page+1)*pageSize])
				write(t, path, raw)
				write(t, journalPath(path), journal)
				var notes []string
				s := openWith(t, Options{Path: path, Note: func(text string) { notes = append(notes, text) }})
				if diff := cmp.Diff(want, list(t, s)); diff != "" {
					t.Errorf("page %d (-want +got):\n%s", page, diff)
				}
				if len(notes) > 0 {
					wentBack++
					if !strings.Contains(notes[0], "taken from the journal") {
						t.Errorf("notes: %q", notes)
					}
				}
				closeStore(t, s)
			}
			if wentBack != 1 {
				t.Errorf("%d of 2 pages took the store back", wentBack)
			}
			write(t, path, append(make([]byte, 2*pageSize), whole[2*pageSize:]...))
			if _, err := Open(t.Context(), Options{Path: path}); !errors.Is(err, ErrDamaged) {
				t.Errorf("both meta pages lost: %v", err)
			}
		})
	}
}

// TestTruncated cuts the file at every page.
func TestTruncated(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	want := map[string]string{}
	for i := range 30 {
		id := fmt.Sprintf("id-%02d", i)
		want[id] = strings.Repeat("s", 500)
		save(t, s, simple(id, want[id]))
	}
	closeStore(t, s)
	whole := read(t, path)
	for size := 1; size < len(whole); size += pageSize {
		write(t, path, whole[:size])
		useDamaged(t, fmt.Sprintf("cut to %d", size), path, want)
	}
}
