package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watching runs a Watch on path until the test ends and sends what the file
// holds at each call.
func watching(t *testing.T, path string) <-chan string {
	t.Helper()
	seen := make(chan string, 1000)
	w := NewWatch(path)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- w.Run(ctx, func() {
			data, err := os.ReadFile(path)
			if err != nil {
				data = []byte("unreadable")
			}
			seen <- string(data)
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return seen
}

// settles waits until the watch has reported want, and for nothing else after
// it. It returns how many reports there were.
func settles(t *testing.T, seen <-chan string, want string) (reports int) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case got := <-seen:
			reports++
			if got != want {
				continue
			}
		case <-deadline:
			t.Fatalf("%q was not reported", want)
		}
		return reports
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestFaultC04WaysToReplaceAFile: however the file is changed, the watch reports what
// it holds at the end.
func TestFaultC04WaysToReplaceAFile(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, path, text string){
		"written in place": put,
		"written beside it and renamed, as editors do": func(t *testing.T, path, text string) {
			put(t, path+".swp", text)
			do(t, os.Rename(path+".swp", path))
		},
		"moved away and made anew": func(t *testing.T, path, text string) {
			do(t, os.Rename(path, path+"~"))
			put(t, path, text)
		},
		"removed and made anew": func(t *testing.T, path, text string) {
			do(t, os.Remove(path))
			put(t, path, text)
		},
		"written piece by piece": func(t *testing.T, path, text string) {
			f, err := os.Create(path)
			do(t, err)
			for i := range text {
				_, err := f.WriteString(text[i : i+1])
				do(t, err)
				time.Sleep(20 * time.Millisecond)
			}
			do(t, f.Close())
		},
		"its directory replaced": func(t *testing.T, path, text string) {
			dir := filepath.Dir(path)
			do(t, os.Mkdir(dir+".new", 0o700))
			put(t, filepath.Join(dir+".new", filepath.Base(path)), text)
			do(t, os.Rename(dir, dir+".old"))
			do(t, os.Rename(dir+".new", dir))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "etc")
			do(t, os.Mkdir(dir, 0o700))
			path := filepath.Join(dir, "patchbay.yaml")
			put(t, path, "first")
			seen := watching(t, path)
			for i := range 3 {
				text := fmt.Sprintf("version-%d", i)
				change(t, path, text)
				settles(t, seen, text)
				_ = os.RemoveAll(dir + ".old")
			}
		})
	}
}

// TestFaultC04SymlinkSwap: a directory as Kubernetes mounts it, where the file is a
// link through ..data, which is swapped.
func TestFaultC04SymlinkSwap(t *testing.T) {
	dir := t.TempDir()
	version := func(n int, text string) {
		sub := fmt.Sprintf("..%d", n)
		do(t, os.Mkdir(filepath.Join(dir, sub), 0o700))
		put(t, filepath.Join(dir, sub, "patchbay.yaml"), text)
		do(t, os.Symlink(sub, filepath.Join(dir, "..tmp")))
		do(t, os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")))
		if n > 0 {
			do(t, os.RemoveAll(filepath.Join(dir, fmt.Sprintf("..%d", n-1))))
		}
	}
	version(0, "first")
	path := filepath.Join(dir, "patchbay.yaml")
	do(t, os.Symlink(filepath.Join("..data", "patchbay.yaml"), path))
	// And reached through a directory that is itself a link.
	outer := filepath.Join(t.TempDir(), "etc")
	do(t, os.Symlink(dir, outer))
	seen := watching(t, filepath.Join(outer, "patchbay.yaml"))
	for n := 1; n < 4; n++ {
		version(n, fmt.Sprint("version ", n))
		settles(t, seen, fmt.Sprint("version ", n))
	}
	other := t.TempDir()
	put(t, filepath.Join(other, "patchbay.yaml"), "elsewhere")
	do(t, os.Symlink(other, outer+".tmp"))
	do(t, os.Rename(outer+".tmp", outer))
	settles(t, seen, "elsewhere")
}

// TestFaultC03ManyWrites: what is written without a pause is reported now and then,
// not each time, and the last word is what counts.
func TestFaultC03ManyWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "patchbay.yaml")
	put(t, path, "first")
	seen := watching(t, path)
	for i := range 300 {
		put(t, path, fmt.Sprint("version ", i))
		time.Sleep(10 * time.Millisecond)
	}
	put(t, path, "last")
	if n := settles(t, seen, "last"); n > 10 {
		t.Errorf("%d reports for 300 writes in three seconds", n)
	}
}

// TestFaultC04NothingIsReportedThatIsNoChange: an empty file is one whose content is
// still to come, and the same bytes are no news.
func TestFaultC04NothingIsReportedThatIsNoChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "patchbay.yaml")
	put(t, path, "first")
	seen := watching(t, path)
	put(t, path, "")
	time.Sleep(2 * settleTime)
	put(t, path, "first")
	put(t, path+".other", "x")
	time.Sleep(2 * settleTime)
	select {
	case got := <-seen:
		t.Errorf("%q was reported", got)
	default:
	}
	do(t, os.Remove(path))
	if n := settles(t, seen, "unreadable"); n != 1 {
		t.Errorf("%d reports", n)
	}
	put(t, path, "second")
	settles(t, seen, "second")
}

// TestWatchSeesWhatChangedBeforeItRan: between NewWatch and Run lies a start.
func TestWatchSeesWhatChangedBeforeItRan(t *testing.T) {
	path := filepath.Join(t.TempDir(), "patchbay.yaml")
	put(t, path, "first")
	w := NewWatch(path)
	put(t, path, "second")
	ctx, cancel := context.WithCancel(t.Context())
	called := 0
	if err := w.Run(ctx, func() { called++; cancel() }); err != nil || called != 1 {
		t.Errorf("%d calls, %v", called, err)
	}
}
