package direct

import (
	"bytes"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/patchbay-dev/patchbay/abi"
)

// Bounds of what a plugin may log.
const (
	// maxLine is the longest line given on, in bytes before escaping.
	maxLine = 4 << 10
	// logBurst lines may come at once, then logRate a second.
	logBurst = 200
	logRate  = 50
)

// bucket is a token bucket over lines. Pure: the clock is an argument.
type bucket struct {
	tokens  float64
	last    int64
	dropped int
}

// take says whether a line may pass at now (nanoseconds), and how many were
// dropped since the last one that did.
func (b *bucket) take(now int64) (dropped int, ok bool) {
	b.tokens = min(logBurst, b.tokens+float64(now-b.last)*logRate/float64(time.Second))
	b.last = now
	if b.tokens < 1 {
		b.dropped++
		return 0, false
	}
	b.tokens--
	dropped, b.dropped = b.dropped, 0
	return dropped, true
}

// logger takes the lines of all instances of one plugin.
type logger struct {
	emit func(abi.LogLevel, string)
	now  func() int64

	// mu guards bucket.
	mu     sync.Mutex
	bucket bucket
}

func newLogger(emit func(abi.LogLevel, string), now func() int64) *logger {
	if emit == nil {
		emit = func(abi.LogLevel, string) {}
	}
	return &logger{emit: emit, now: now, bucket: bucket{tokens: logBurst, last: now()}}
}

func (l *logger) line(level abi.LogLevel, text []byte) {
	l.mu.Lock()
	dropped, ok := l.bucket.take(l.now())
	l.mu.Unlock()
	if dropped > 0 {
		l.emit(abi.LogLevelWarn, fmt.Sprintf("%d log lines dropped", dropped))
	}
	if ok {
		l.emit(level, escape(text))
	}
}

// drop counts a line that was not even looked at.
func (l *logger) drop() {
	l.mu.Lock()
	l.bucket.dropped++
	l.mu.Unlock()
}

// close tells of lines that were dropped and have not been told of.
func (l *logger) close() {
	l.mu.Lock()
	dropped := l.bucket.dropped
	l.bucket.dropped = 0
	l.mu.Unlock()
	if dropped > 0 {
		l.emit(abi.LogLevelWarn, fmt.Sprintf("%d log lines dropped", dropped))
	}
}

// escape makes one printable line of foreign bytes: control characters, among
// them line breaks and the escape that starts terminal sequences, are spelled
// out, bytes that are not UTF-8 replaced, and what is too long is cut.
func escape(text []byte) string {
	cut := len(text) > maxLine
	if cut {
		text = text[:maxLine]
	}
	b := make([]byte, 0, len(text)+16)
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		text = text[n:]
		switch {
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case hidden(r):
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	if cut {
		b = append(b, "… (cut)"...)
	}
	return string(b)
}

// hidden tells control characters, line separators, and what changes the
// direction of text.
func hidden(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0:
		return true
	case r == 0x2028, r == 0x2029, r == 0x200e, r == 0x200f, r == 0x061c, r == 0xfeff:
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return true
	}
	return false
}

// capture makes lines of what an instance writes to stdout and stderr.
type capture struct {
	to      *logger
	partial [2][]byte
}

func stdLevel(fd uint32) abi.LogLevel {
	if fd == 1 {
		return abi.LogLevelInfo
	}
	return abi.LogLevelWarn
}

// write takes bytes written to fd 1 or 2.
func (c *capture) write(r *record, fd uint32, p []byte) {
	buf := &c.partial[fd-1]
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			// One byte more than a line, so that the cut is seen.
			*buf = append(*buf, p[:min(len(p), max(0, maxLine+1-len(*buf)))]...)
			return
		}
		if len(*buf) > 0 {
			*buf = append(*buf, p[:min(i, max(0, maxLine+1-len(*buf)))]...)
			c.line(r, stdLevel(fd), *buf)
			*buf = (*buf)[:0]
		} else if i > 0 {
			c.line(r, stdLevel(fd), p[:i])
		}
		p = p[i+1:]
	}
}

// line gives one line on, within the call's quota.
func (c *capture) line(r *record, level abi.LogLevel, text []byte) {
	if r.logged += len(text) + 1; r.logged > logPerCall {
		c.to.drop()
		return
	}
	c.to.line(level, text)
}

// flush gives on what has no line break at the end of a call.
func (c *capture) flush(r *record) {
	for i := range c.partial {
		if len(c.partial[i]) > 0 {
			c.line(r, stdLevel(uint32(i+1)), c.partial[i])
			c.partial[i] = c.partial[i][:0]
		}
	}
}
