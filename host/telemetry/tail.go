package telemetry

import (
	"context"
	"strings"
	"sync"
)

// Bounds of a Tail and of each of its followers.
const (
	tailLines = 1000
	tailBytes = 1 << 20
	// maxTailLine is how much of one line is kept.
	maxTailLine = 16 << 10
)

// Tail is a writer that remembers the newest lines of a log and hands on the
// ones that come, for whoever wants to look at a running server. It never
// waits: a follower that is too slow loses lines, and is told how many. It is
// to stand beside the log's own writer, behind the redaction. Make one with
// NewTail; it is safe for concurrent use.
type Tail struct {
	secrets *Secrets

	// mu guards recent and followers.
	mu        sync.Mutex
	recent    lineQueue
	followers map[*Follower]struct{}
}

// NewTail returns a tail whose lines are redacted once more when they are read:
// a value may have become a secret after it was logged. Secrets may be nil.
func NewTail(secrets *Secrets) *Tail {
	return &Tail{secrets: secrets, followers: map[*Follower]struct{}{}}
}

// Write takes one line; it never fails and keeps nothing of p.
func (t *Tail) Write(p []byte) (int, error) {
	text := strings.TrimSuffix(string(p), "\n")
	if len(text) > maxTailLine {
		text = text[:maxTailLine] + "…"
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recent.push(line{text: text})
	for t.recent.full() {
		t.recent.pop()
	}
	for f := range t.followers {
		f.offer(text)
	}
	return len(p), nil
}

// Recent returns the newest lines, the oldest of them first.
func (t *Tail) Recent() []string {
	t.mu.Lock()
	lines := make([]string, 0, len(t.recent.lines))
	for _, l := range t.recent.lines {
		lines = append(lines, l.text)
	}
	t.mu.Unlock()
	for i := range lines {
		lines[i] = t.secrets.Redact(lines[i])
	}
	return lines
}

// Follow returns a follower, which begins with the newest lines. The caller
// closes it.
func (t *Tail) Follow() *Follower {
	f := &Follower{tail: t, wake: make(chan struct{}, 1)}
	t.mu.Lock()
	defer t.mu.Unlock()
	f.waiting.lines = append(f.waiting.lines, t.recent.lines...)
	f.waiting.bytes = t.recent.bytes
	t.followers[f] = struct{}{}
	return f
}

// Follower reads a tail as it grows. Its methods belong to one goroutine.
type Follower struct {
	tail *Tail
	// wake has a token when a line may be waiting.
	wake chan struct{}

	// mu guards what follows.
	mu      sync.Mutex
	waiting lineQueue
	dropped uint64
}

// offer never waits. It is called under the tail's lock, which is taken before
// the follower's.
func (f *Follower) offer(text string) {
	f.mu.Lock()
	if f.waiting.full() {
		f.dropped++
	} else {
		f.waiting.push(line{text: text, dropped: f.dropped})
		f.dropped = 0
	}
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Next returns the next line, and how many were lost just before it. Lines that
// wait come even when ctx has ended; then its error.
func (f *Follower) Next(ctx context.Context) (text string, dropped uint64, err error) {
	for {
		f.mu.Lock()
		some := len(f.waiting.lines) > 0
		var l line
		if some {
			l = f.waiting.pop()
		}
		f.mu.Unlock()
		if some {
			return f.tail.secrets.Redact(l.text), l.dropped, nil
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
			return "", 0, ctx.Err()
		}
	}
}

// Close takes the follower off its tail.
func (f *Follower) Close() {
	f.tail.mu.Lock()
	defer f.tail.mu.Unlock()
	delete(f.tail.followers, f)
}

type line struct {
	text    string
	dropped uint64
}

// lineQueue is a queue of lines that knows when it is full.
type lineQueue struct {
	lines []line
	bytes int
}

func (q *lineQueue) full() bool { return len(q.lines) > tailLines || q.bytes > tailBytes }

func (q *lineQueue) push(l line) {
	q.lines = append(q.lines, l)
	q.bytes += len(l.text)
}

// pop lets go of the text at once; the slice moves to a new array as it grows.
func (q *lineQueue) pop() line {
	l := q.lines[0]
	q.lines[0] = line{}
	q.lines = q.lines[1:]
	q.bytes -= len(l.text)
	return l
}
