package abi

import "unsafe"

// This file is the protobuf wire format, as far as the contract needs it:
// varints and length-delimited fields. It is ours, and not a library's, so
// that a stranger's plugin builds from what the binary carries, with no other
// module to fetch.

const (
	wireVarint = 0
	wireI64    = 1
	wireBytes  = 2
	wireI32    = 5
)

// sizeVarint returns the length of v as a varint, 1 to 10.
func sizeVarint(v uint64) int {
	n := 1
	for v >= 0x80 {
		v >>= 7
		n++
	}
	return n
}

func appendVarint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// sizeBytes returns the length of a length-delimited field of n bytes, without
// its tag.
func sizeBytes(n int) int { return sizeVarint(uint64(n)) + n }

func appendBytes(b []byte, tag uint64, v []byte) []byte {
	b = appendVarint(b, tag)
	b = appendVarint(b, uint64(len(v)))
	return append(b, v...)
}

func appendString(b []byte, tag uint64, v string) []byte {
	b = appendVarint(b, tag)
	b = appendVarint(b, uint64(len(v)))
	return append(b, v...)
}

func appendUint(b []byte, tag, v uint64) []byte { return appendVarint(appendVarint(b, tag), v) }

func boolVarint(v bool) uint64 {
	if v {
		return 1
	}
	return 0
}

// field is one field as it stands on the wire.
type field struct {
	num  uint32
	wire uint8
	// value of a varint field, data of a length-delimited one.
	value uint64
	data  []byte
}

// readVarint returns the value and its length, 0 when there is none.
func readVarint(b []byte) (uint64, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	var v uint64
	for i := 0; i < len(b) && i < 10; i++ {
		c := b[i]
		if i == 9 && c > 1 {
			return 0, 0
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

// read takes the next field off src, which is not empty.
func (f *field) read(src []byte) (rest []byte, ok bool) {
	tag, n := readVarint(src)
	if n == 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
		return nil, false
	}
	src = src[n:]
	f.num, f.wire = uint32(tag>>3), uint8(tag&7)
	switch f.wire {
	case wireVarint:
		if f.value, n = readVarint(src); n == 0 {
			return nil, false
		}
		return src[n:], true
	case wireBytes:
		size, n := readVarint(src)
		if n == 0 || size > uint64(len(src)-n) {
			return nil, false
		}
		end := n + int(size)
		f.data = src[n:end:end]
		return src[end:], true
	case wireI64:
		if len(src) < 8 {
			return nil, false
		}
		return src[8:], true
	case wireI32:
		if len(src) < 4 {
			return nil, false
		}
		return src[4:], true
	}
	return nil, false
}

// str returns the data as a string that aliases it.
func (f *field) str() string { return unsafe.String(unsafe.SliceData(f.data), len(f.data)) }
