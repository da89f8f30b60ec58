package wire

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
)

// ErrPath says that a path of Member is none.
var ErrPath = errors.New("a path is members and indices with dots between; a backslash stands before a dot, or a backslash, of a name")

// Path is the place of one value in a JSON text.
type Path struct{ names []string }

// ParsePath reads a dotted path: members by name, elements of arrays by index.
// The error is ErrPath.
func ParsePath(text string) (Path, error) {
	var p Path
	var name strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\\':
			if i++; i == len(text) {
				return Path{}, ErrPath
			}
			name.WriteByte(text[i])
		case '.':
			if name.Len() == 0 {
				return Path{}, ErrPath
			}
			p.names = append(p.names, name.String())
			name.Reset()
		default:
			name.WriteByte(c)
		}
	}
	if name.Len() == 0 {
		return Path{}, ErrPath
	}
	p.names = append(p.names, name.String())
	return p, nil
}

// Member returns the value at a path as it stands in the text, without a copy,
// and false when there is none, when it is null, and when the text up to its end
// is not JSON. Of a name that occurs twice the first counts.
func Member(text []byte, p Path) ([]byte, bool) {
	s := scanner{in: text}
	for _, name := range p.names {
		var found bool
		switch s.next() {
		case '{':
			found = s.seekMember(name)
		case '[':
			found = s.seekElement(name)
		}
		if !found {
			return nil, false
		}
	}
	s.space()
	from := s.pos
	if s.value(len(p.names)+1) != nil {
		return nil, false
	}
	value := text[from:s.pos]
	return value, string(value) != "null" && len(p.names) > 0
}

// seekMember moves from the brace of an object to the value of a member.
func (s *scanner) seekMember(name string) bool {
	for s.pos++; s.next() == '"'; s.pos++ {
		from := s.pos
		if s.text() != nil {
			return false
		}
		key := s.in[from:s.pos]
		if s.next() != ':' {
			return false
		}
		s.pos++
		if named(key, name) {
			return true
		}
		if s.value(1) != nil || s.next() != ',' {
			return false
		}
	}
	return false
}

// seekElement moves from the bracket of an array to an element.
func (s *scanner) seekElement(name string) bool {
	n, err := strconv.ParseUint(name, 10, 16)
	if err != nil {
		return false
	}
	s.pos++
	for ; n > 0; n-- {
		if s.value(1) != nil || s.next() != ',' {
			return false
		}
		s.pos++
	}
	return s.next() != ']'
}

// named reports whether a key, with its quotes, is a name.
func named(key []byte, name string) bool {
	if bytes.IndexByte(key, '\\') < 0 {
		return string(key[1:len(key)-1]) == name
	}
	text, ok := unquote(key)
	return ok && text == name
}
