package gateway

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// A client key is pb_ID_SECRET: 8 characters of id, which may be shown, and 32
// random bytes in base64url, which may not.
const (
	keyPrefix    = "pb_"
	keyIDBytes   = 5
	keyIDLength  = 8
	secretBytes  = 32
	secretLength = 43
	keyLength    = len(keyPrefix) + keyIDLength + 1 + secretLength
)

// keyIDs is base32 in lower case; 5 bytes give 8 characters without padding.
var keyIDs = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Hash is the SHA-256 of a client key. The key has 256 random bits, so a slow
// hash would add cost and no safety.
type Hash [sha256.Size]byte

// MarshalText writes hex.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads hex of the full length.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(h)) {
		return fmt.Errorf("the hash of a client key has %d characters, want %d", len(text), hex.EncodedLen(len(h)))
	}
	if _, err := hex.Decode(h[:], text); err != nil {
		return fmt.Errorf("the hash of a client key is not hex: %w", err)
	}
	return nil
}

// Key is what is kept of a client key; JSON is the form that a store keeps.
type Key struct {
	// ID is part of the key, and the name of the client in the log.
	ID string `json:"id"`
	// Name is for people.
	Name      string    `json:"name"`
	Hash      Hash      `json:"hash"`
	CreatedAt time.Time `json:"created_at"`
}

// NewKey makes a client key. The plain key is to be shown once and kept
// nowhere. It panics if random fails, as crypto/rand's own reader never does:
// there is no key without randomness.
func NewKey(name string, random io.Reader, now time.Time) (plain string, key Key) {
	var raw [keyIDBytes + secretBytes]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		panic("no random bytes for a client key: " + err.Error())
	}
	id := keyIDs.EncodeToString(raw[:keyIDBytes])
	plain = keyPrefix + id + "_" + base64.RawURLEncoding.EncodeToString(raw[keyIDBytes:])
	return plain, Key{ID: id, Name: name, Hash: sha256.Sum256([]byte(plain)), CreatedAt: now.UTC()}
}

// ParseKey reads a stored key and refuses one that could never be used.
func ParseKey(raw []byte) (Key, error) {
	var k Key
	if err := json.Unmarshal(raw, &k); err != nil {
		return Key{}, fmt.Errorf("read a stored client key: %w", err)
	}
	if len(k.ID) != keyIDLength || k.Hash == (Hash{}) {
		return Key{}, fmt.Errorf("the stored client key %q has no proper id or hash", k.ID)
	}
	return k, nil
}

// splitKey cuts a presented key into the id and the fixed-size bytes that are
// hashed. It accepts nothing but the exact length and shape; the content of
// the secret is judged by its hash alone.
func splitKey(plain string) (id string, material [keyLength]byte, ok bool) {
	if len(plain) != keyLength || plain[:len(keyPrefix)] != keyPrefix || plain[len(keyPrefix)+keyIDLength] != '_' {
		return "", material, false
	}
	copy(material[:], plain)
	return plain[len(keyPrefix) : len(keyPrefix)+keyIDLength], material, true
}
