package meter

import (
	"fmt"
	"unicode/utf8"
)

// reader reads one span of a module. The first failure sticks: from then on
// every read gives zero, so a caller checks once, where it matters.
type reader struct {
	b        []byte // the whole file, so that positions are file offsets
	pos, end int
	section  string
	err      *Error
}

// fail records the first failure and ends the span.
func (r *reader) fail(at int, kind error, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Offset: at, Section: r.section, Reason: fmt.Sprintf(format, args...), Kind: kind}
	}
	r.pos = r.end
}

func (r *reader) invalid(at int, format string, args ...any) {
	r.fail(at, ErrInvalid, format, args...)
}

func (r *reader) left() int { return r.end - r.pos }

func (r *reader) more() bool { return r.pos < r.end }

// done fails if bytes are left over.
func (r *reader) done() {
	if r.err == nil && r.pos != r.end {
		r.invalid(r.pos, "%d bytes left over at its end", r.left())
	}
}

func (r *reader) byte() byte {
	if r.pos >= r.end {
		r.invalid(r.pos, "ends too early")
		return 0
	}
	c := r.b[r.pos]
	r.pos++
	return c
}

// bytes returns the next n bytes, not copied.
func (r *reader) bytes(n int) []byte {
	if n < 0 || n > r.left() {
		r.invalid(r.pos, "ends too early: %d bytes wanted, %d left", n, r.left())
		return nil
	}
	s := r.b[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	return s
}

// u32 reads an unsigned LEB128 number of 32 bits.
func (r *reader) u32() uint32 {
	if r.pos < r.end {
		if c := r.b[r.pos]; c < 0x80 {
			r.pos++
			return uint32(c)
		}
	}
	return r.longU32()
}

func (r *reader) longU32() uint32 {
	start := r.pos
	var v uint32
	for shift := 0; ; shift += 7 {
		c := r.byte()
		if r.err != nil {
			return 0
		}
		if shift == 28 && c > 0x0f {
			r.invalid(start, "a number doesn't fit in 32 bits")
			return 0
		}
		v |= uint32(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
}

// signed skips a signed LEB128 number of 32 or 64 bits.
func (r *reader) signed(bits int) {
	start := r.pos
	last := (bits - 1) / 7 // the index of the last byte that may be there
	for i := 0; ; i++ {
		c := r.byte()
		if r.err != nil {
			return
		}
		if i == last {
			// The bits beyond the number must repeat its sign.
			used := uint(bits - 7*last)
			ext := c & 0x7f >> (used - 1)
			if c >= 0x80 || ext != 0 && ext != 0x7f>>(used-1) {
				r.invalid(start, "a number doesn't fit in %d bits", bits)
			}
			return
		}
		if c < 0x80 {
			return
		}
	}
}

// count reads the length of a vector whose elements take at least size bytes
// each, so that no declared count is believed without bytes to back it.
func (r *reader) count(what string, size, limit int) int {
	at := r.pos
	n := int64(r.u32())
	switch {
	case r.err != nil:
		return 0
	case n > int64(r.left()/size):
		r.invalid(at, "%d %s declared in %d bytes", n, what, r.left())
		return 0
	case n > int64(limit):
		r.fail(at, ErrLimit, "%d %s; at most %d are allowed", n, what, limit)
		return 0
	}
	return int(n)
}

// name reads a length and that many bytes of UTF-8.
func (r *reader) name() string {
	at := r.pos
	n := r.u32()
	if r.err == nil && int64(n) > int64(r.left()) {
		r.invalid(at, "a name of %d bytes in %d bytes", n, r.left())
		return ""
	}
	s := r.bytes(int(n))
	if !utf8.Valid(s) {
		r.invalid(at, "a name is not UTF-8")
		return ""
	}
	return string(s)
}

// index reads an index and checks it against a space of the original module.
func (r *reader) index(what string, space int) uint32 {
	at := r.pos
	i := r.u32()
	if r.err == nil && int64(i) >= int64(space) {
		r.invalid(at, "%s index %d is out of range: the module has %d", what, i, space)
		return 0
	}
	return i
}
