package boltstore

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

const (
	recordFormat = 1
	headerSize   = 1 + 4 + 8
)

// header is the readable beginning of a sealed record.
type header struct {
	keyID      uint32
	generation uint64
}

var (
	errSeal   = errors.New("its seal is broken: the bytes were changed or moved")
	errShape  = errors.New("it is not a sealed record of a known format")
	errKeyset = errors.New("the key set has no usable primary key")
)

func (h header) bytes() []byte {
	b := make([]byte, 0, headerSize)
	b = append(b, recordFormat)
	b = binary.BigEndian.AppendUint32(b, h.keyID)
	return binary.BigEndian.AppendUint64(b, h.generation)
}

func parseHeader(raw []byte) (header, error) {
	if len(raw) < headerSize || raw[0] != recordFormat {
		return header{}, errShape
	}
	return header{
		keyID:      binary.BigEndian.Uint32(raw[1:]),
		generation: binary.BigEndian.Uint64(raw[5:]),
	}, nil
}

// sealer seals with the primary key of a key set and opens with any key of it,
// so that both keys are readable while a key is being replaced. It is
// immutable.
type sealer struct {
	aead    tink.AEAD
	handle  *keyset.Handle
	primary uint32
	keys    map[uint32]bool
}

func newSealer(handle *keyset.Handle) (*sealer, error) {
	primary, err := handle.Primary()
	if err != nil {
		return nil, errKeyset
	}
	a, err := aead.New(handle)
	if err != nil {
		return nil, errKeyset
	}
	s := &sealer{aead: a, handle: handle, primary: primary.KeyID(), keys: map[uint32]bool{}}
	for i := range handle.Len() {
		entry, err := handle.Entry(i)
		if err != nil {
			return nil, errKeyset
		}
		s.keys[entry.KeyID()] = true
	}
	return s, nil
}

// seal returns the whole value for bbolt.
func (s *sealer) seal(bucket, id string, generation uint64, plain []byte) ([]byte, error) {
	h := header{keyID: s.primary, generation: generation}
	sealed, err := s.aead.Encrypt(plain, associated(h, bucket, id))
	if err != nil {
		return nil, fmt.Errorf("seal %s %q: %w", bucket, id, err)
	}
	return append(h.bytes(), sealed...), nil
}

// open returns the plaintext, in memory of its own, and the header.
func (s *sealer) open(bucket, id string, raw []byte) ([]byte, header, error) {
	h, err := parseHeader(raw)
	if err != nil {
		return nil, h, err
	}
	if !s.keys[h.keyID] {
		return nil, h, fmt.Errorf("it is sealed with key %s, which the key file does not have", keyName(h.keyID))
	}
	plain, err := s.aead.Decrypt(raw[headerSize:], associated(h, bucket, id))
	if err != nil {
		return nil, h, errSeal
	}
	return plain, h, nil
}

// associated binds a record to its header and its place. Lengths come first, so
// that no two places give the same bytes.
func associated(h header, bucket, id string) []byte {
	b := h.bytes()
	for _, part := range []string{bucket, id} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}

// keyName is how a key id is shown.
func keyName(id uint32) string { return fmt.Sprintf("%08x", id) }
