package crash

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
)

const (
	pageSize = 4096
	// txidAt is where a meta page of bbolt keeps the number of its transaction.
	txidAt = 64
)

// zeroNewestMeta takes away the newer of bbolt's two meta pages.
func zeroNewestMeta(path string) error {
	return rewrite(path, func(raw []byte) ([]byte, error) {
		if len(raw) < 2*pageSize {
			return nil, errors.New("the store is too short")
		}
		page := 0
		if binary.LittleEndian.Uint64(raw[pageSize+txidAt:]) > binary.LittleEndian.Uint64(raw[txidAt:]) {
			page = 1
		}
		clear(raw[page*pageSize : (page+1)*pageSize])
		return raw, nil
	})
}

// flipBit flips a bit in every value that stands under an id: bbolt writes it
// right behind the key, and a sealed one begins with 1.
func flipBit(path, id string) error {
	return rewrite(path, func(raw []byte) ([]byte, error) {
		key, found := append([]byte(id), 1), false
		for at := 0; ; {
			i := bytes.Index(raw[at:], key)
			if i < 0 {
				break
			}
			at += i + len(key)
			if at+40 < len(raw) {
				raw[at+40] ^= 4
				found = true
			}
		}
		if !found {
			return nil, errors.New("the store holds no value of " + id)
		}
		return raw, nil
	})
}

func rewrite(path string, change func([]byte) ([]byte, error)) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if raw, err = change(raw); err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o600)
}
