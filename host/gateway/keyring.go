package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
)

// KeyRing holds the client keys that are accepted. Replace swaps the whole
// set; requests that run keep what they had. It is safe for concurrent use,
// and the zero value accepts nobody.
type KeyRing struct {
	byID atomic.Pointer[map[string]Key]

	// observe is told of each step of a check; tests count with it.
	observe func(step string)
}

// NewKeyRing returns a ring with keys.
func NewKeyRing(keys ...Key) *KeyRing {
	r := &KeyRing{}
	r.Replace(keys)
	return r
}

// Replace makes keys the accepted set, at once. Of two keys with one id the
// later counts.
func (r *KeyRing) Replace(keys []Key) {
	next := make(map[string]Key, len(keys))
	for _, k := range keys {
		next[k.ID] = k
	}
	r.byID.Store(&next)
}

// Len returns the number of accepted keys.
func (r *KeyRing) Len() int { return len(r.keys()) }

// Keys returns the accepted keys, sorted by id.
func (r *KeyRing) Keys() []Key {
	return slices.SortedFunc(maps.Values(r.keys()), func(a, b Key) int { return strings.Compare(a.ID, b.ID) })
}

// Authenticate returns the id of the key that plain is. Whatever plain is, the
// work is the same: one look-up, one hash of a fixed length, one comparison in
// constant time. So its duration tells neither whether an id exists nor how
// much of a key was right.
func (r *KeyRing) Authenticate(plain string) (id string, ok bool) {
	id, material, wellFormed := splitKey(plain)
	r.step("lookup")
	key, known := r.keys()[id]
	r.step("hash")
	sum := sha256.Sum256(material[:])
	r.step("compare")
	// An unknown id compares with the zero hash, which nothing has.
	equal := subtle.ConstantTimeCompare(sum[:], key.Hash[:]) == 1
	if !wellFormed || !known || !equal {
		return "", false
	}
	return key.ID, true
}

func (r *KeyRing) keys() map[string]Key {
	if m := r.byID.Load(); m != nil {
		return *m
	}
	return nil
}

func (r *KeyRing) step(name string) {
	if r.observe != nil {
		r.observe(name)
	}
}
