package config

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// How long a file has to be left alone before it counts as written, how long a
// change may wait for that while somebody goes on writing, and when to look
// again for a directory that has vanished.
const (
	settleTime = 250 * time.Millisecond
	settleMax  = 2 * time.Second
	lookAgain  = time.Second
)

// Watch looks out for changes of a configuration file.
type Watch struct {
	path string
	last content
}

// NewWatch notes what the file at path holds. Call it before Load, so that no
// change between the two is missed.
func NewWatch(path string) *Watch { return &Watch{path: path, last: contentOf(path)} }

// Run calls changed, one call after another and from this goroutine, after the
// content of the file has become another, until ctx ends. It sees the file
// written in place, replaced by a rename, and reached by other symbolic links
// than before, also those of a directory above it. A file that is being written
// is left to settle; one that is empty is taken for one whose content is still
// to come, and is not reported. One that is gone, or cannot be read, is reported
// once, so that the reload says so.
//
// Run is called once. It fails when the system gives no notifications; then
// nothing is watched.
func (w *Watch) Run(ctx context.Context, changed func()) error {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", w.path, err)
	}
	// Closing waits for the watcher's goroutine; there is nothing to lose.
	defer func() { _ = events.Close() }()
	r := &watcher{Watch: w, events: events, interest: map[string]map[string]bool{}}
	r.follow()
	// What was written before the first look at the directories counts too.
	r.arm()
	return r.run(ctx, changed)
}

func (w *watcher) run(ctx context.Context, changed func()) error {
	defer w.stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-w.events.Events:
			if w.concerns(e.Name) {
				w.arm()
			}
		case <-w.events.Errors: //nolint:errcheck // such as a queue that overflowed: look for oneself, whatever it was
			w.arm()
		case <-w.due():
			w.disarm()
			if w.look() {
				changed()
			}
		}
	}
}

// watcher is a Watch that runs; it belongs to its goroutine.
type watcher struct {
	*Watch
	events *fsnotify.Watcher
	// interest are the names that matter, by directory.
	interest map[string]map[string]bool
	timer    *time.Timer
	// since is when the first event came that was not looked into yet.
	since time.Time
}

// concerns reports whether an event is about a name on the way to the file, or
// about a directory itself.
func (w *watcher) concerns(name string) bool {
	return w.interest[name] != nil || w.interest[filepath.Dir(name)][filepath.Base(name)]
}

// arm puts the next look off until the file has settled.
func (w *watcher) arm() {
	if w.since.IsZero() {
		w.since = time.Now()
	}
	w.after(min(settleTime, time.Until(w.since.Add(settleMax))))
}

func (w *watcher) after(d time.Duration) {
	w.stop()
	w.timer = time.NewTimer(max(d, 0))
}

func (w *watcher) due() <-chan time.Time {
	if w.timer == nil {
		return nil
	}
	return w.timer.C
}

func (w *watcher) disarm() {
	w.stop()
	w.since = time.Time{}
}

func (w *watcher) stop() {
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}

// look reports whether the file is another than the last time.
func (w *watcher) look() bool {
	if !w.follow() {
		w.after(lookAgain)
	}
	now := contentOf(w.path)
	if now == w.last || now.empty {
		return false
	}
	w.last = now
	return true
}

// follow watches the directories of all names on the way to the file anew, since
// each may have been replaced by another under the same name. It reports whether
// it found them all. What changes after it is seen as an event; what changed
// before, by the look that follows.
func (w *watcher) follow() bool {
	for dir := range w.interest {
		// The directory may be gone, and its watch with it.
		_ = w.events.Remove(dir)
	}
	var whole bool
	w.interest, whole = steps(w.path)
	for dir := range w.interest {
		if err := w.events.Add(dir); err != nil {
			whole = false
		}
	}
	return whole
}

// maxLinks bounds a chain of symbolic links, as the system does.
const maxLinks = 40

// steps returns the names whose change can make path another file, by the
// directory that they stand in: the file itself, every symbolic link on the way
// to it, and the names behind those. It reports false when the way ends before
// the file.
func steps(path string) (names map[string]map[string]bool, whole bool) {
	names = map[string]map[string]bool{}
	abs, err := filepath.Abs(path)
	if err != nil {
		return names, false
	}
	note := func(at string) {
		dir := filepath.Dir(at)
		if names[dir] == nil {
			names[dir] = map[string]bool{}
		}
		names[dir][filepath.Base(at)] = true
	}
	note(abs)
	for range maxLinks {
		link, target := firstLink(abs)
		if link == "" {
			note(abs)
			_, err := os.Stat(abs)
			return names, err == nil
		}
		note(link)
		abs = target
	}
	return names, false
}

// firstLink returns the first component of an absolute path that is a symbolic
// link, and the path with it resolved; empty when there is none.
func firstLink(abs string) (link, target string) {
	for at := abs; ; {
		dir := filepath.Dir(at)
		if dir == at {
			break
		}
		if info, err := os.Lstat(at); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			link = at // the one nearest to the root counts
		}
		at = dir
	}
	if link == "" {
		return "", ""
	}
	to, err := os.Readlink(link)
	if err != nil {
		return "", ""
	}
	if !filepath.IsAbs(to) {
		to = filepath.Join(filepath.Dir(link), to)
	}
	rest, err := filepath.Rel(link, abs)
	if err != nil {
		return "", ""
	}
	return link, filepath.Join(to, rest)
}

// content tells one state of a file from another.
type content struct {
	sum   [sha256.Size]byte
	empty bool
	// problem says why the file cannot be read; its mode is part of what
	// decides that.
	problem string
}

func contentOf(path string) content {
	data, _, e := readFile(path)
	switch {
	case e != nil && errors.Is(e, fs.ErrNotExist):
		return content{problem: "missing"}
	case e != nil:
		return content{problem: e.Msg}
	}
	return content{sum: sha256.Sum256(data), empty: len(data) == 0}
}
