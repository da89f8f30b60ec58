package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// span is a value in a body, from its first byte to behind its last.
type span struct {
	from, to int
	found    bool
}

// members are the places of a body's top level that this package reads.
type members struct {
	open          int  // behind the opening brace
	empty         bool // the object has no member
	model, stream span
}

// scanner checks a JSON text, strictly as RFC 8259 has it, and remembers where
// the members of interest are. pos is what was read.
type scanner struct {
	in  []byte
	pos int
}

// scanBody checks the whole body. An error is a *ProbeError.
func scanBody(body []byte) (members, error) {
	var m members
	if !utf8.Valid(body) {
		return m, &ProbeError{Message: "the body is not valid UTF-8"}
	}
	s := scanner{in: body}
	s.space()
	if s.pos == len(body) {
		return m, &ProbeError{Message: "the body is empty; send a JSON object"}
	}
	if body[s.pos] != '{' {
		return m, &ProbeError{Message: "the body must be a JSON object"}
	}
	m.open, m.empty = s.pos+1, true
	err := s.object(1, func(key []byte, value span) error {
		m.empty = false
		return m.note(key, value)
	})
	if err != nil {
		return m, err
	}
	s.space()
	if s.pos != len(body) {
		return m, s.bad("text after the object")
	}
	return m, nil
}

// note keeps a member of interest. Some parsers fold case and all of them
// resolve escapes, so each spelling of a name counts as the name.
func (m *members) note(key []byte, value span) error {
	name := key[1 : len(key)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		text, ok := unquote(key)
		if !ok {
			return nil
		}
		name = []byte(text)
	}
	switch {
	case bytes.EqualFold(name, modelMember):
		return keep(&m.model, "model", name, value)
	case bytes.EqualFold(name, streamMember):
		return keep(&m.stream, "stream", name, value)
	}
	return nil
}

var (
	modelMember  = []byte("model")
	streamMember = []byte("stream")
)

func keep(at *span, want string, name []byte, value span) error {
	if at.found || string(name) != want {
		return &ProbeError{Param: want, Message: fmt.Sprintf("the body names %s twice or in another spelling (%q)", want, name)}
	}
	*at = value
	return nil
}

func (s *scanner) bad(what string) error {
	return &ProbeError{Message: fmt.Sprintf("the body is not valid JSON: %s at byte %d", what, s.pos)}
}

func (s *scanner) space() {
	for s.pos < len(s.in) {
		switch s.in[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// next skips blanks and returns the byte there, 0 at the end.
func (s *scanner) next() byte {
	s.space()
	if s.pos == len(s.in) {
		return 0
	}
	return s.in[s.pos]
}

func (s *scanner) value(depth int) error {
	switch c := s.next(); {
	case c == '{':
		return s.object(depth, nil)
	case c == '[':
		return s.array(depth)
	case c == '"':
		return s.text()
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	case s.pos == len(s.in):
		return s.bad("the text ends too early")
	}
	return s.bad("an unexpected character")
}

func (s *scanner) enter(depth int) error {
	if depth > MaxDepth {
		return &ProbeError{Message: fmt.Sprintf("the body nests deeper than %d levels", MaxDepth)}
	}
	s.pos++
	return nil
}

func (s *scanner) object(depth int, each func(key []byte, value span) error) error {
	if err := s.enter(depth); err != nil {
		return err
	}
	if s.next() == '}' {
		s.pos++
		return nil
	}
	for {
		if s.next() != '"' {
			return s.bad("a member without a name")
		}
		from := s.pos
		if err := s.text(); err != nil {
			return err
		}
		key := s.in[from:s.pos]
		if s.next() != ':' {
			return s.bad("a name without a colon")
		}
		s.pos++
		s.space()
		from = s.pos
		if err := s.value(depth + 1); err != nil {
			return err
		}
		if each != nil {
			if err := each(key, span{from: from, to: s.pos, found: true}); err != nil {
				return err
			}
		}
		switch s.next() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			return nil
		default:
			return s.bad("a member that does not end")
		}
	}
}

func (s *scanner) array(depth int) error {
	if err := s.enter(depth); err != nil {
		return err
	}
	if s.next() == ']' {
		s.pos++
		return nil
	}
	for {
		if err := s.value(depth + 1); err != nil {
			return err
		}
		switch s.next() {
		case ',':
			s.pos++
		case ']':
			s.pos++
			return nil
		default:
			return s.bad("an element that does not end")
		}
	}
}

func (s *scanner) text() error {
	for i := plain(s.in, s.pos+1); i < len(s.in); i = plain(s.in, i) {
		s.pos = i
		switch s.in[i] {
		case '"':
			s.pos++
			return nil
		case '\\':
			n := escape(s.in[i:])
			if n == 0 {
				return s.bad("a bad escape")
			}
			i += n
		default:
			return s.bad("a control character in a string")
		}
	}
	s.pos = len(s.in)
	return s.bad("a string that does not end")
}

// plain returns where in p, from i on, the first quote, backslash or control
// character is, and len(p) when there is none. It looks at eight bytes at once:
// a prompt is little else than strings.
func plain(p []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; len(p)-i >= 8; i += 8 {
		w := binary.LittleEndian.Uint64(p[i:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		// A byte's high bit is set where it is zero, or below a blank. A borrow
		// can set others behind the first, which is all that counts.
		found := ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*' ')&^w) & highs
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(p); i++ {
		if c := p[i]; c == '"' || c == '\\' || c < ' ' {
			return i
		}
	}
	return i
}

// escape returns the length of the escape that p begins with, 0 for none.
func escape(p []byte) int {
	if len(p) < 2 {
		return 0
	}
	switch p[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(p) < 6 {
			return 0
		}
		for _, c := range p[2:6] {
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
				return 0
			}
		}
		return 6
	}
	return 0
}

func (s *scanner) number() error {
	if s.in[s.pos] == '-' {
		s.pos++
	}
	if s.pos < len(s.in) && s.in[s.pos] == '0' {
		s.pos++
	} else if !s.digits() {
		return s.bad("a bad number")
	}
	if s.pos < len(s.in) && s.in[s.pos] == '.' {
		s.pos++
		if !s.digits() {
			return s.bad("a bad number")
		}
	}
	if s.pos < len(s.in) && (s.in[s.pos] == 'e' || s.in[s.pos] == 'E') {
		s.pos++
		if s.pos < len(s.in) && (s.in[s.pos] == '+' || s.in[s.pos] == '-') {
			s.pos++
		}
		if !s.digits() {
			return s.bad("a bad number")
		}
	}
	return nil
}

func (s *scanner) digits() bool {
	from := s.pos
	for s.pos < len(s.in) && s.in[s.pos] >= '0' && s.in[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > from
}

func (s *scanner) word(w string) error {
	if len(s.in)-s.pos < len(w) || string(s.in[s.pos:s.pos+len(w)]) != w {
		return s.bad("an unknown word")
	}
	s.pos += len(w)
	return nil
}
