package abi

import (
	"errors"
	"slices"
	"strconv"
	"unicode/utf8"
)

// ErrMalformed is matched by every error that a codec of this package
// returns: the bytes are not a message of the contract.
var ErrMalformed = errors.New("malformed message")

// malformed is an error that matches ErrMalformed. It is made without package
// fmt, which would be a quarter of a small guest.
type malformed string

func (e malformed) Error() string { return "malformed message: " + string(e) }
func (malformed) Unwrap() error   { return ErrMalformed }

// maxDepth bounds how deep messages nest, in both encodings. The deepest
// legal message, an encoding of encodings in a header, needs less than half.
const maxDepth = 32

// Message is any message of the contract, by pointer.
type Message interface {
	size() int
	appendTo(b []byte) []byte
	unmarshal(src []byte, d *decoder) error
}

// AppendMessage appends the binary encoding of m to dst. It is safe for
// concurrent use as long as nobody writes to m.
func AppendMessage(dst []byte, m Message) []byte {
	return m.appendTo(slices.Grow(dst, m.size()))
}

// DecodeMessage reads a message that the host made, as a guest does: fields and enum
// values of a newer host are skipped. Strings and bytes of m alias src, which
// must not change while m is in use.
func DecodeMessage(src []byte, m Message) error {
	return m.unmarshal(src, &decoder{})
}

// DecodeStrict reads a message that a guest made, as a host does: unknown
// fields, repeated singular fields, enum values that are zero or unknown,
// strings that are not UTF-8 and oneofs without exactly one member are errors
// that match ErrMalformed. Strings and bytes of m alias src.
func DecodeStrict(src []byte, m Message) error {
	return m.unmarshal(src, &decoder{strict: true})
}

// decoder carries what one decoding needs beside the bytes.
type decoder struct {
	strict bool
	depth  int
}

func (d *decoder) enter(name string) error {
	if d.depth++; d.depth > maxDepth {
		return malformed(name + " nests deeper than " + strconv.Itoa(maxDepth) + " messages")
	}
	return nil
}

func (d *decoder) leave() { d.depth-- }

func (d *decoder) malformed(name string) error {
	return malformed(name + " is cut short or has a bad tag")
}

func (d *decoder) once(seen *uint64, bit int, name string) error {
	if *seen&(1<<bit) != 0 && d.strict {
		return malformed(name + " occurs twice")
	}
	*seen |= 1 << bit
	return nil
}

func (d *decoder) wireType(name string) error {
	return malformed(name + " has the wrong wire type or is out of range")
}

func (d *decoder) twoMembers(name string) error {
	return malformed(name + " is a second member of its oneof")
}

func (d *decoder) noMember(name string) error {
	return malformed("oneof " + name + " has no member")
}

func (d *decoder) unknown(name string, num uint32) error {
	if d.strict {
		return malformed(name + " has no field " + strconv.FormatUint(uint64(num), 10))
	}
	return nil
}

func (d *decoder) utf8(s, name string) error {
	if d.strict && !utf8.ValidString(s) {
		return malformed(name + " is not UTF-8")
	}
	return nil
}

func (d *decoder) enum(v uint32, names []string, name string) error {
	if d.strict && (v == 0 || v >= uint32(len(names))) {
		return malformed(name + " has the unknown value " + strconv.FormatUint(uint64(v), 10))
	}
	return nil
}

// present keeps the difference between absent and empty: it never returns nil.
func present(v []byte) []byte {
	if v == nil {
		return []byte{}
	}
	return v
}

func enumName(v uint32, names []string) string {
	if v < uint32(len(names)) {
		return names[v]
	}
	return strconv.FormatUint(uint64(v), 10)
}
