package frame

import "bytes"

// NDJSON splits newline-delimited JSON: one event a line, blank lines skipped,
// a CR before the LF dropped. It does not check that a line is JSON. The zero
// value is ready, with DefaultMaxEvent.
type NDJSON struct {
	// Max is how long one line may be, in bytes; 0 means DefaultMaxEvent. Set
	// it before the first Feed.
	Max int

	b   window
	err error
}

// Feed implements Splitter.
func (n *NDJSON) Feed(p []byte) {
	if n.err == nil {
		n.b.feed(p)
	}
}

// Rest implements Splitter.
func (n *NDJSON) Rest() []byte { return n.b.buf[n.b.start:] }

// Next implements Splitter.
func (n *NDJSON) Next() (Event, bool, error) {
	if n.err != nil {
		return Event{}, false, n.err
	}
	if !n.b.skipBOM() {
		return Event{}, false, nil
	}
	for {
		end := bytes.IndexByte(n.b.buf[n.b.scan:], '\n')
		if end < 0 {
			n.b.scan = len(n.b.buf)
			return Event{}, false, n.check(n.b.scan)
		}
		end += n.b.scan
		if err := n.check(end); err != nil {
			return Event{}, false, err
		}
		line := trimLine(n.b.buf[n.b.start:end:end])
		n.b.begin(end + 1)
		if len(line) > 0 {
			return Event{Data: line}, true, nil
		}
	}
}

// End implements Splitter. A last line without its newline is given.
func (n *NDJSON) End() (Event, bool, error) {
	if n.err != nil {
		return Event{}, false, n.err
	}
	n.b.begun = true
	line := trimLine(n.b.buf[n.b.start:])
	n.b.begin(len(n.b.buf))
	return Event{Data: line}, len(line) > 0, nil
}

// check returns the error of an open line, up to end, that is too long.
func (n *NDJSON) check(end int) error {
	if limit := limitOr(n.Max); end-n.b.start > limit {
		n.err = &TooLongError{Limit: limit}
	}
	return n.err
}

// trimLine drops a final CR, and all of a line that is only blanks.
func trimLine(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if len(bytes.TrimLeft(line, " \t\r")) == 0 {
		return nil
	}
	return line
}
