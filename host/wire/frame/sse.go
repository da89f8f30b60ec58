package frame

import "bytes"

// SSE splits a stream of server-sent events: lines end with CR, LF or CRLF,
// comments and unknown fields are skipped, and an event without a data line is
// none. Source: the event stream section of the HTML standard. The zero value
// is ready, with DefaultMaxEvent.
type SSE struct {
	// Max is how long one event may be as it comes, in bytes; 0 means
	// DefaultMaxEvent. Set it before the first Feed.
	Max int

	b       window
	skipLF  bool // the last line ended with a CR, so an LF here ends nothing
	hasData bool // the open event has a data line
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

// Rest implements Splitter.
func (s *SSE) Rest() []byte { return s.b.buf[s.b.start:] }

// Next implements Splitter.
func (s *SSE) Next() (Event, bool, error) {
	if s.err != nil {
		return Event{}, false, s.err
	}
	if !s.b.skipBOM() {
		return Event{}, false, nil
	}
	for {
		s.passLF()
		at := lineEnd(s.b.buf[s.b.scan:])
		if at < 0 {
			s.b.scan = len(s.b.buf)
			s.check(s.b.scan)
			return Event{}, false, s.err
		}
		at += s.b.scan
		if s.check(at); s.err != nil {
			return Event{}, false, s.err
		}
		line := s.b.buf[s.b.r:at]
		s.skipLF = s.b.buf[at] == '\r'
		s.b.r, s.b.scan = at+1, at+1
		switch {
		case len(line) == 0:
			had, raw := s.hasData, s.b.buf[s.b.start:at]
			s.hasData = false
			s.b.begin(at + 1)
			if had {
				return s.event(raw), true, nil
			}
		case isField(line, "data"):
			s.hasData = true
		case line[0] == ':' && s.b.start == at-len(line):
			s.b.begin(at + 1) // a comment before an event is not part of it
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
	s.passLF()
	raw := s.b.buf[s.b.start:]
	had := s.hasData || isField(s.b.buf[s.b.r:], "data")
	s.hasData = false
	s.b.begin(len(s.b.buf))
	if !had {
		return Event{}, false, nil
	}
	return s.event(raw), true, nil
}

// passLF skips the LF of a CRLF whose CR already ended its line.
func (s *SSE) passLF() {
	if !s.skipLF || s.b.r == len(s.b.buf) {
		return
	}
	s.skipLF = false
	if s.b.buf[s.b.r] != '\n' {
		return
	}
	s.b.r++
	s.b.scan = s.b.r
	if s.b.start == s.b.r-1 {
		s.b.start = s.b.r
	}
}

// check sets the error when the open event, up to end, is too long.
func (s *SSE) check(end int) {
	if limit := limitOr(s.Max); end-s.b.start > limit {
		s.err = &TooLongError{Limit: limit}
	}
}

// event reads the lines of one event. Data of several lines is joined in
// place: what is kept of a line is always shorter than the line.
func (s *SSE) event(raw []byte) Event {
	var ev Event
	var joined []byte
	lines := 0
	for len(raw) > 0 {
		line := raw
		if at := lineEnd(raw); at >= 0 {
			line = raw[:at]
			if bytes.HasPrefix(raw[at:], crlf) {
				at++
			}
			raw = raw[at+1:]
		} else {
			raw = nil
		}
		name, value, _ := bytes.Cut(line, colon)
		if len(value) > 0 && value[0] == ' ' {
			value = value[1:]
		}
		switch string(name) {
		case "data":
			if lines++; lines == 1 {
				joined = value
				ev.Data = value
				continue
			}
			joined = append(append(joined, '\n'), value...)
			ev.Data = joined
		case "event":
			if string(value) != s.lastName {
				s.lastName = string(value)
			}
			ev.Name = s.lastName
		case "id":
			if bytes.IndexByte(value, 0) < 0 {
				ev.ID = string(value)
			}
		}
	}
	ev.Data = ev.Data[:len(ev.Data):len(ev.Data)]
	return ev
}

var (
	crlf  = []byte("\r\n")
	colon = []byte{':'}
)

// isField reports whether line is of the field name.
func isField(line []byte, name string) bool {
	return len(line) >= len(name) && string(line[:len(name)]) == name &&
		(len(line) == len(name) || line[len(name)] == ':')
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
