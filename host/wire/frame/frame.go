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
	// Rest returns the bytes, as they came, that are not part of an event given
	// so far. It is valid until the next Feed or Next.
	Rest() []byte
}

var (
	_ Splitter = (*SSE)(nil)
	_ Splitter = (*NDJSON)(nil)
)

// window is the buffer of a splitter. buf[start:] is the open event as it came,
// r is where its first unread line begins, and buf[r:scan] holds no line end.
type window struct {
	buf            []byte
	start, r, scan int
	begun          bool
}

// feed moves the open event to the front and appends p.
func (b *window) feed(p []byte) {
	if b.start > 0 {
		n := copy(b.buf, b.buf[b.start:])
		b.buf = b.buf[:n]
		b.r -= b.start
		b.scan -= b.start
		b.start = 0
	}
	if len(b.buf) == 0 && cap(b.buf) > keepBuffer {
		b.buf = nil
	}
	b.buf = append(b.buf, p...)
}

// begin makes i the beginning of the next event.
func (b *window) begin(i int) { b.start, b.r, b.scan = i, i, i }

// skipBOM drops a byte order mark at the beginning of the stream. It returns
// false while the first bytes may still turn out to be one.
func (b *window) skipBOM() bool {
	if b.begun {
		return true
	}
	const bom = "\xef\xbb\xbf"
	got := b.buf
	if len(got) < len(bom) && string(got) == bom[:len(got)] {
		return false
	}
	b.begun = true
	if len(got) >= len(bom) && string(got[:len(bom)]) == bom {
		b.begin(len(bom))
	}
	return true
}

func limitOr(limit int) int {
	if limit <= 0 {
		return DefaultMaxEvent
	}
	return limit
}
