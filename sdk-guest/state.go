package guest

import (
	"encoding/binary"
	"slices"
	"strconv"
	"unsafe"
)

// state is what Keep stored: names and values, in the order of their first
// Keep. On the wire each is its length as a varint and its bytes, so that the
// same calls give the same bytes in every instance.
type state struct {
	wire    []byte
	read    bool
	changed bool
	kept    []kept
}

type kept struct{ name, value string }

// reset keeps the memory and forgets what was in it.
func (s *state) reset() state {
	clear(s.kept)
	return state{kept: s.kept[:0]}
}

func (s *state) get(name string) string {
	if i := s.find(name); i >= 0 {
		return s.kept[i].value
	}
	return ""
}

func (s *state) set(name, value string) {
	i := s.find(name)
	switch {
	case i < 0 && value == "":
		return
	case i < 0:
		s.kept = append(s.kept, kept{name, value})
	case s.kept[i].value == value:
		return
	case value == "":
		s.kept = slices.Delete(s.kept, i, i+1)
	default:
		s.kept[i].value = value
	}
	s.changed = true
}

func (s *state) getInt(name string) int64 {
	n, err := strconv.ParseInt(s.get(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (s *state) setInt(name string, n int64) {
	s.set(name, strconv.FormatInt(n, 10))
}

func (s *state) find(name string) int {
	if !s.read {
		s.decode()
	}
	for i := range s.kept {
		if s.kept[i].name == name {
			return i
		}
	}
	return -1
}

// decode reads the wire form. It stops at the first thing that append did not
// write: the host gives back what it was given, so there is none.
func (s *state) decode() {
	s.read = true
	for rest := s.wire; len(rest) > 0; {
		var name, value string
		var ok bool
		if name, rest, ok = cutString(rest); !ok {
			return
		}
		if value, rest, ok = cutString(rest); !ok {
			return
		}
		s.kept = append(s.kept, kept{name, value})
	}
}

// append appends the wire form to dst.
func (s *state) append(dst []byte) []byte {
	for _, k := range s.kept {
		dst = binary.AppendUvarint(dst, uint64(len(k.name)))
		dst = append(dst, k.name...)
		dst = binary.AppendUvarint(dst, uint64(len(k.value)))
		dst = append(dst, k.value...)
	}
	return dst
}

func cutString(b []byte) (s string, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return "", nil, false
	}
	// It lies in the input, as all that a provider gets, and is valid as long.
	return unsafe.String(unsafe.SliceData(b[w:]), int(n)), b[w+int(n):], true
}
