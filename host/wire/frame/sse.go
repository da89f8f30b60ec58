package frame

import "bytes"

// SSE splits a stream of server-sent events: lines end with CR, LF or CRLF,
// comments and unknown fields are skipped, and an event without a data line is
// none. Source: the event stream section of the HTML standard. The zero value
// is ready, with DefaultMaxEvent.
type SSE struct {
	// Max is how long one event, and one line, may be, in bytes; 0 means
	// DefaultMaxEvent. Set it before the first Feed.
	Max int

	b       window
	skipLF  bool // the last line ended with a CR that was the end of the input
	hasData bool
	name    string
	id      string
	// lastName spares a string for each event of a stream that repeats a name.
	lastName string
	err      error
}

// Feed implements Splitter.
func (s *SSE) Feed(p []byte) {
	if s.err == nil {
		s.b.feed(p)
	}
}

// Next implements Splitter.
func (s *SSE) Next() (Event, bool, error) {
	if s.err != nil {
		return Event{}, false, s.err
	}
	if !s.b.skipBOM() {
		return Event{}, false, nil
	}
	for {
		if s.skipLF && s.b.r < len(s.b.buf) {
			s.skipLF = false
			if s.b.buf[s.b.r] == '\n' {
				s.b.r++
				s.b.scan = s.b.r
				if !s.hasData {
					s.b.start, s.b.w = s.b.r, s.b.r
				}
			}
		}
		end := lineEnd(s.b.buf[s.b.scan:])
		if end < 0 {
			s.b.scan = len(s.b.buf)
			if s.tooLong(len(s.b.buf) - s.b.r) {
				return Event{}, false, s.err
			}
			return Event{}, false, nil
		}
		end += s.b.scan
		line := s.b.buf[s.b.r:end]
		if s.tooLong(len(line)) {
			return Event{}, false, s.err
		}
		s.skipLF = s.b.buf[end] == '\r'
		s.b.r, s.b.scan = end+1, end+1
		if len(line) > 0 {
			s.field(line)
			continue
		}
		if ev, ok := s.dispatch(); ok {
			return ev, true, nil
		}
	}
}

// End implements Splitter. A last event without its blank line is given: the
// input ended cleanly, so nothing of it is missing.
func (s *SSE) End() (Event, bool, error) {
	if s.err != nil {
		return Event{}, false, s.err
	}
	s.b.begun = true
	if line := s.b.buf[s.b.r:]; len(line) > 0 && !(s.skipLF && string(line) == "\n") {
		s.b.r, s.b.scan = len(s.b.buf), len(s.b.buf)
		s.field(line)
	}
	ev, ok := s.dispatch()
	return ev, ok, nil
}

func (s *SSE) tooLong(line int) bool {
	limit := s.Max
	if limit <= 0 {
		limit = DefaultMaxEvent
	}
	if line > limit || s.b.w-s.b.start+line > limit {
		s.err = &TooLongError{Limit: limit}
	}
	return s.err != nil
}

// field takes one line that is not empty. What it keeps of a data line is
// moved to the end of the event so far: a line is always longer than what is
// kept of it, so this needs no second buffer.
func (s *SSE) field(line []byte) {
	name, value, _ := bytes.Cut(line, []byte{':'})
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	switch string(name) {
	case "data":
		if s.hasData {
			s.b.buf[s.b.w] = '\n'
			s.b.w++
		}
		s.b.w += copy(s.b.buf[s.b.w:], value)
		s.hasData = true
	case "event":
		if string(value) != s.lastName {
			s.lastName = string(value)
		}
		s.name = s.lastName
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			s.id = string(value)
		}
	}
	if !s.hasData {
		s.b.start, s.b.w = s.b.r, s.b.r
	}
}

// dispatch ends the event so far and begins the next.
func (s *SSE) dispatch() (Event, bool) {
	ev := Event{Name: s.name, ID: s.id, Data: s.b.buf[s.b.start:s.b.w:s.b.w]}
	ok := s.hasData
	s.name, s.id, s.hasData = "", "", false
	s.b.start, s.b.w = s.b.r, s.b.r
	return ev, ok
}

// lineEnd returns the index of the first CR or LF, -1 when there is none.
func lineEnd(p []byte) int {
	lf := bytes.IndexByte(p, '\n')
	if lf >= 0 {
		p = p[:lf]
	}
	if cr := bytes.IndexByte(p, '\r'); cr >= 0 {
		return cr
	}
	return lf
}
