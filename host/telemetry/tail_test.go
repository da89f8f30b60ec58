package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func say(t *testing.T, w io.Writer, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if n, err := io.WriteString(w, l+"\n"); err != nil || n != len(l)+1 {
			t.Fatal(n, err)
		}
	}
}

func TestTailKeepsTheNewest(t *testing.T) {
	tail := NewTail(nil)
	if got := tail.Recent(); len(got) != 0 {
		t.Errorf("a new tail has %v", got)
	}
	for i := range 3 * tailLines {
		say(t, tail, fmt.Sprint("line ", i))
	}
	got := tail.Recent()
	if len(got) != tailLines || got[0] != fmt.Sprint("line ", 2*tailLines) || got[tailLines-1] != fmt.Sprint("line ", 3*tailLines-1) {
		t.Errorf("%d lines, %q to %q", len(got), got[0], got[len(got)-1])
	}
	for range 200 {
		say(t, tail, strings.Repeat("x", 2*maxTailLine))
	}
	size := 0
	for _, l := range tail.Recent() {
		size += len(l)
	}
	if size > tailBytes || size < tailBytes/2 {
		t.Errorf("it holds %d bytes", size)
	}
}

func TestFollowerBeginsWithTheNewest(t *testing.T) {
	tail := NewTail(nil)
	say(t, tail, "a", "b")
	f := tail.Follow()
	defer f.Close()
	say(t, tail, "c")
	var got []string
	for range 3 {
		l, dropped, err := f.Next(t.Context())
		if err != nil || dropped != 0 {
			t.Fatal(dropped, err)
		}
		got = append(got, l)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestSlowFollowerIsToldOfDrops: nobody waits for it, its memory is bounded, and
// the gap is where the lines are missing.
func TestSlowFollowerIsToldOfDrops(t *testing.T) {
	tail := NewTail(nil)
	f := tail.Follow()
	defer f.Close()
	for i := range tailLines + 101 {
		say(t, tail, fmt.Sprint(i))
	}
	if l, dropped, _ := f.Next(t.Context()); l != "0" || dropped != 0 {
		t.Fatalf("%q, %d dropped", l, dropped)
	}
	say(t, tail, "after")
	last, lost := "", uint64(0)
	for last != "after" {
		l, dropped, err := f.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if dropped > 0 && l != "after" {
			t.Errorf("%d dropped before %q", dropped, l)
		}
		last, lost = l, lost+dropped
	}
	if lost != 100 {
		t.Errorf("%d lines were lost", lost)
	}
}

func TestFollowerEndsWithItsContext(t *testing.T) {
	tail := NewTail(nil)
	f := tail.Follow()
	say(t, tail, "last words")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if l, _, err := f.Next(ctx); l != "last words" || err != nil {
		t.Errorf("%q %v", l, err)
	}
	if _, _, err := f.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	f.Close()
	say(t, tail, "unheard")
	if len(f.waiting.lines) != 0 {
		t.Error("a closed follower still gets lines")
	}
}

// TestTailIsRedacted: what became a secret after it was logged is not shown.
func TestTailIsRedacted(t *testing.T) {
	secrets := &Secrets{}
	tail := NewTail(secrets)
	log, err := NewLogger(tail, Options{Secrets: secrets})
	if err != nil {
		t.Fatal(err)
	}
	f := tail.Follow()
	defer f.Close()
	log.Info("m", "field", "canary-0123456789", "api_key", "canary-98765")
	secrets.Add("canary-0123456789")
	l, _, err := f.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range append(tail.Recent(), l) {
		if strings.Contains(text, "canary") || !strings.Contains(text, Redacted) {
			t.Errorf("it shows %s", text)
		}
	}
}

func TestTailTogether(t *testing.T) {
	tail := NewTail(nil)
	ctx, cancel := context.WithCancel(t.Context())
	var writers, readers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for range 2000 {
				say(t, tail, "x")
				tail.Recent()
			}
		})
		readers.Go(func() {
			f := tail.Follow()
			defer f.Close()
			for {
				if _, _, err := f.Next(ctx); err != nil {
					return
				}
			}
		})
	}
	writers.Wait()
	cancel()
	readers.Wait()
	if n := len(tail.followers); n != 0 {
		t.Errorf("%d followers are left", n)
	}
}
