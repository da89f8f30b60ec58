// Package frame cuts a byte stream into events and puts events back into one:
// server-sent events and newline-delimited JSON. The splitters are incremental
// (bytes go in as they arrive, complete events come out), copy each byte at
// most twice, and never look inside an event, so a character is never split.
// It imports nothing of ours and does no I/O.
package frame

import "fmt"

// DefaultMaxEvent is how long one event may be, in bytes, when a splitter
// names no other cap.
const DefaultMaxEvent = 8 << 20

// keepBuffer is the largest empty buffer that a splitter keeps for the next
// bytes; one that grew for a single long event is let go.
const keepBuffer = 256 << 10

// Event is one complete event. Data aliases the splitter's buffer and is valid
// until the next Feed; several events of one Feed are valid side by side.
type Event struct {
	// Name is the SSE event field, empty when there was none.
	Name string
	// Data is the payload: the data lines joined by a newline, or the JSON line.
	Data []byte
	// ID is this event's own id field; unlike a browser's it does not carry
	// over to the events that follow.
	ID string
}

// TooLongError says that an event passed the splitter's cap. The stream cannot
// be read any further.
type TooLongError struct {
	// Limit in bytes.
	Limit int
}

// Error names the cap.
func (e *TooLongError) Error() string {
	return fmt.Sprintf("an event of the stream is longer than %d bytes", e.Limit)
}

// Splitter is what SSE and NDJSON have in common. None is safe for concurrent
// use.
type Splitter interface {
	// Feed takes the next bytes, which are copied. Events given before are no
	// longer valid.
	Feed(p []byte)
	// Next returns the next complete event, and false when more bytes are
	// needed. An error is a *TooLongError and is final.
	Next() (Event, bool, error)
	// End says that the input ended cleanly and returns what was still open as
	// an event, if it is one. Call it once, after Next returned false.
	End() (Event, bool, error)
}

var (
	_ Splitter = (*SSE)(nil)
	_ Splitter = (*NDJSON)(nil)
)

// window is the buffer of a splitter. buf[start:w] is what is kept of the event
// that is being put together, buf[r:] was not read yet, and buf[r:scan] holds
// no line end.
type window struct {
	buf               []byte
	start, w, r, scan int
	begun             bool
}

// feed moves what is still needed to the front and appends p.
func (b *window) feed(p []byte) {
	if b.start == b.w && b.r == len(b.buf) {
		b.buf = b.buf[:0]
		if cap(b.buf) > keepBuffer {
			b.buf = nil
		}
		b.start, b.w, b.r, b.scan = 0, 0, 0, 0
	} else if b.start > 0 || b.r > b.w {
		kept := copy(b.buf, b.buf[b.start:b.w])
		rest := copy(b.buf[kept:], b.buf[b.r:])
		b.scan -= b.r - kept
		b.start, b.w, b.r = 0, kept, kept
		b.buf = b.buf[:kept+rest]
	}
	b.buf = append(b.buf, p...)
}

// skipBOM drops a byte order mark at the beginning of the stream. It returns
// false while the first bytes may still turn out to be one.
func (b *window) skipBOM() bool {
	if b.begun {
		return true
	}
	const bom = "\xef\xbb\xbf"
	got := b.buf[b.r:]
	if len(got) < len(bom) && string(got) == bom[:len(got)] {
		return false
	}
	b.begun = true
	if len(got) >= len(bom) && string(got[:len(bom)]) == bom {
		b.r += len(bom)
		b.start, b.w, b.scan = b.r, b.r, b.r
	}
	return true
}
