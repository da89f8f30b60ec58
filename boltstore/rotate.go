package boltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// ErrKeyGiven means that the key is kept by somebody else and cannot be changed here.
var ErrKeyGiven = errors.New("the store's key cannot be changed here")

// resealAtOnce is how many records a rotation seals anew in one transaction, so
// that other writers wait for no longer than that.
const resealAtOnce = 256

// Rotation is what RotateKey did.
type Rotation struct {
	// Old and New are the ids of the keys.
	Old, New string
	// Resumed: it was begun earlier, and interrupted.
	Resumed bool
	// Records were sealed anew.
	Records int
	// Unreadable were not, since they are damaged.
	Unreadable int
	// OldKeyFile keeps the old key, for backups that are sealed with it.
	OldKeyFile string
}

// RotateKey makes a new key, seals everything with it, and takes the old one out
// of the key file, while others read and write. All that is sealed with either
// can be read meanwhile. When it is interrupted, at whatever point, both keys stay
// in the key file, and the next call goes on. step, which may be nil, is told how
// many of all records are sealed with the new key.
func (s *Store) RotateKey(ctx context.Context, step func(done, all int)) (Rotation, error) {
	select {
	case s.rotating <- struct{}{}:
		defer func() { <-s.rotating }()
	default:
		return Rotation{}, errors.New("the key is being rotated already")
	}
	if s.key.given != nil {
		return Rotation{}, fmt.Errorf("%w: it comes from %s; put it into the key file %s, unset that, rotate, and move it back", ErrKeyGiven, s.key, s.key.file)
	}
	r, err := s.beginRotation()
	if err != nil {
		return r, fmt.Errorf("rotate the key: %w", err)
	}
	if err := s.reseal(ctx, &r, step); err != nil {
		return r, fmt.Errorf("rotate the key: %w; both keys are in %s, so nothing is lost; run it again to go on", err, s.key)
	}
	if err := s.endRotation(); err != nil {
		return r, fmt.Errorf("rotate the key: %w; both keys are in %s, so nothing is lost; run it again to go on", err, s.key)
	}
	return r, nil
}

// Rotating reports whether a rotation was begun and has not ended, such as one
// that was interrupted.
func (s *Store) Rotating() bool { return len(s.seal.Load().keys) > 1 }

// beginRotation puts a second key into the key file, as the one to seal with,
// unless there is one already.
func (s *Store) beginRotation() (Rotation, error) {
	old := s.seal.Load()
	if len(old.keys) > 1 {
		r := Rotation{New: keyName(old.primary), Resumed: true}
		for id := range old.keys {
			if id != old.primary {
				r.Old = keyName(id)
			}
		}
		r.OldKeyFile = s.oldKeyFile(r.Old)
		return r, nil
	}
	r := Rotation{Old: keyName(old.primary), OldKeyFile: s.oldKeyFile(keyName(old.primary))}
	m := keyset.NewManagerFromHandle(old.handle)
	id, err := m.Add(aead.XChaCha20Poly1305KeyTemplate())
	if err != nil {
		return r, fmt.Errorf("make a key: %w", err)
	}
	if err := m.SetPrimary(id); err != nil {
		return r, fmt.Errorf("make a key: %w", err)
	}
	r.New = keyName(id)
	text, err := keyText(old.handle)
	if err != nil {
		return r, err
	}
	if err := writeFile(r.OldKeyFile, text); err != nil {
		return r, fmt.Errorf("keep the old key: %w", err)
	}
	return r, s.replaceKey(m)
}

func (s *Store) oldKeyFile(name string) string { return s.key.file + ".old-" + name }

// replaceKey writes the key file and seals with it from now on.
func (s *Store) replaceKey(m *keyset.Manager) error {
	handle, err := m.Handle()
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	text, err := keyText(handle)
	if err != nil {
		return err
	}
	seal, err := newSealer(handle)
	if err != nil {
		return err
	}
	s.turn <- struct{}{} // a write that has begun ends with the key it began with
	defer func() { <-s.turn }()
	if err := writeFile(s.key.file, text); err != nil {
		return fmt.Errorf("write the key file: %w", err)
	}
	s.seal.Store(seal)
	return nil
}

// reseal seals what the new key has not sealed yet.
func (s *Store) reseal(ctx context.Context, r *Rotation, step func(done, all int)) error {
	type place struct{ bucket, id string }
	var old []place
	all := 0
	err := s.read(ctx, func(t *txn) error {
		old, all = nil, 0
		for _, bucket := range recordBuckets {
			err := t.tx.Bucket([]byte(bucket)).ForEach(func(k, v []byte) error {
				all++
				if h, err := parseHeader(v); err != nil || h.keyID != t.seal.primary {
					old = append(old, place{bucket, string(k)})
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for len(old) > 0 {
		now := old[:min(resealAtOnce, len(old))]
		done, bad := 0, 0
		err := s.write(ctx, opOther, func(t *txn) error {
			done, bad = 0, 0
			for _, p := range now {
				plain, generation, err := t.get(p.bucket, p.id)
				switch {
				case err != nil:
					bad++
				case generation > 0: // else it was deleted meanwhile
					if _, err := t.put(p.bucket, p.id, plain); err != nil {
						return err
					}
					done++
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.Records += done
		r.Unreadable += bad
		old = old[len(now):]
		if step != nil {
			step(all-len(old), all)
		}
	}
	return nil
}

// endRotation writes head and journal with the new key, and takes the others out
// of the key file.
func (s *Store) endRotation() error {
	if err := s.settle(); err != nil {
		return err
	}
	m := keyset.NewManagerFromHandle(s.seal.Load().handle)
	for id := range s.seal.Load().keys {
		if id == s.seal.Load().primary {
			continue
		}
		if err := m.Delete(id); err != nil {
			return fmt.Errorf("take out the old key: %w", err)
		}
	}
	return s.replaceKey(m)
}

// settle brings what is late into the file, seals the head anew, and writes the
// journal anew.
func (s *Store) settle() error {
	err := s.write(context.Background(), opOther, func(t *txn) error {
		t.head.Generation++
		t.renew = true
		return nil
	})
	if err != nil {
		return err
	}
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	return s.compactNow()
}

// keyText is the content of a key file.
func keyText(handle *keyset.Handle) ([]byte, error) {
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&buf)); err != nil {
		return nil, errors.New("the key set cannot be written")
	}
	return buf.Bytes(), nil
}
