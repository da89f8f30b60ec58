package abi

import (
	"errors"
	"slices"
	"strconv"
	"sync"
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
	size(s *sizes) int
	appendTo(b []byte, s *sizes) []byte
	unmarshal(src []byte, d *decoder) error
}

// AppendMessage appends the binary encoding of m to dst. It is safe for
// concurrent use as long as nobody writes to m.
func AppendMessage(dst []byte, m Message) []byte {
	s := sizesPool.Get().(*sizes)
	dst = m.appendTo(slices.Grow(dst, m.size(s)), s)
	if cap(s.list) <= maxSizes {
		s.list, s.taken = s.list[:0], 0
		sizesPool.Put(s)
	}
	return dst
}

// sizes carries the sizes of nested messages from the pass that measures to
// the pass that writes, in the order in which they are written. Without it each
// message is measured once for every one that it is nested in.
type sizes struct {
	list  []int
	taken int
}

// maxSizes is the longest list that is kept for another message.
const maxSizes = 4 << 10

var sizesPool = sync.Pool{New: func() any { return &sizes{list: make([]int, 0, 64)} }}

// reserve keeps the place of a message whose own are measured first.
func (s *sizes) reserve() int {
	s.list = append(s.list, 0)
	return len(s.list) - 1
}

func (s *sizes) set(at, size int) { s.list[at] = size }

func (s *sizes) take() uint64 {
	size := s.list[s.taken]
	s.taken++
	return uint64(size)
}

// DecodeMessage reads a message that the host made, as a guest does: fields and enum
// values of a newer host are skipped. Strings and bytes of m alias src, which
// must not change while m is in use.
func DecodeMessage(src []byte, m Message) error {
	return m.unmarshal(src, &decoder{})
}

// DecodeStrict reads a message that a guest made, as a host does: unknown
// fields, repeated singular fields, enum values that are zero or unknown,
// strings that are not UTF-8, oneofs without exactly one member and more than
// MaxElements elements are errors that match ErrMalformed. Strings and bytes of
// m alias src.
func DecodeStrict(src []byte, m Message) error {
	return m.unmarshal(src, &decoder{strict: true})
}

// decoder carries what one decoding needs beside the bytes.
type decoder struct {
	strict bool
	depth  int
	// elements counts messages, and what repeated fields hold of other types.
	elements int
}

// What follows makes the errors; the checks stand in the generated code, since
// a call for each field is dear in a guest.

func (d *decoder) tooDeep(name string) error {
	return malformed(name + " nests deeper than " + strconv.Itoa(maxDepth) + " messages")
}

func (d *decoder) tooMany() error { return malformed(tooMany) }

const tooMany = "more than 100,000 messages and elements of lists"

func (d *decoder) malformed(name string) error {
	return malformed(name + " is cut short or has a bad tag")
}

func (d *decoder) twice(name string) error {
	return malformed(name + " occurs twice")
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
	return malformed(name + " has no field " + strconv.FormatUint(uint64(num), 10))
}

func (d *decoder) notUTF8(name string) error {
	return malformed(name + " is not UTF-8")
}

func (d *decoder) unknownValue(name string, v uint64) error {
	return malformed(name + " has the unknown value " + strconv.FormatUint(v, 10))
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
