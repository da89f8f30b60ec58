package boltstore

import (
	"encoding/binary"
	"errors"
)

// op is one change of a record: its new sealed value, or none when it was
// deleted.
type op struct {
	bucket, id string
	generation uint64 // 0: deleted
	sealed     []byte
}

// entryKind says what the changes of a journal entry stand on.
type entryKind byte

const (
	// entryChange is one transaction of the store, upon all before it.
	entryChange entryKind = 1
	// entryWhole begins the whole content of the store; entryMore goes on with it.
	entryWhole entryKind = 2
	entryMore  entryKind = 3
)

// entry is one entry of the journal.
type entry struct {
	kind entryKind
	// more is how many entries follow that belong to an entryWhole.
	more uint32
	ops  []op
}

var errEntry = errors.New("it is not an entry of a journal")

// encode gives the plaintext: kind, more, number of changes, and for each bucket,
// id, generation and value; numbers big endian, texts after their length.
func (e entry) encode() []byte {
	size := 9
	for _, o := range e.ops {
		size += 20 + len(o.bucket) + len(o.id) + len(o.sealed)
	}
	b := make([]byte, 0, size)
	b = append(b, byte(e.kind))
	b = binary.BigEndian.AppendUint32(b, e.more)
	b = binary.BigEndian.AppendUint32(b, uint32(len(e.ops)))
	for _, o := range e.ops {
		b = appendBytes(b, []byte(o.bucket))
		b = appendBytes(b, []byte(o.id))
		b = binary.BigEndian.AppendUint64(b, o.generation)
		b = appendBytes(b, o.sealed)
	}
	return b
}

func appendBytes(b, v []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
}

// decodeEntry reads what encode made. What it returns points into b.
func decodeEntry(b []byte) (entry, error) {
	r := reader{b: b}
	e := entry{kind: entryKind(r.byte()), more: r.uint32()}
	n := r.uint32()
	if r.bad || e.kind < entryChange || e.kind > entryMore || uint64(n) > uint64(len(b)) {
		return entry{}, errEntry
	}
	for range n {
		o := op{bucket: string(r.bytes()), id: string(r.bytes()), generation: r.uint64(), sealed: r.bytes()}
		if r.bad {
			return entry{}, errEntry
		}
		e.ops = append(e.ops, o)
	}
	if len(r.b) > 0 {
		return entry{}, errEntry
	}
	return e, nil
}

// reader takes values off the front of b; bad is set when there is too little.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n uint64) []byte {
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) byte() byte {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if v := r.take(4); v != nil {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if v := r.take(8); v != nil {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func (r *reader) bytes() []byte { return r.take(uint64(r.uint32())) }
