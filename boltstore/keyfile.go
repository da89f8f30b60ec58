package boltstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// keyFileMax bounds the key file; a key set of a few keys is under 2 KiB.
const keyFileMax = 64 << 10

// readKeyFile loads the key set, and, if closed, refuses a file that others may
// read. A missing file is fs.ErrNotExist. The text of an error never holds bytes
// of the file.
func readKeyFile(path string, closed bool) (*sealer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fail(ErrWrongKey, path, "it is not a regular file; %s", hintKey)
	}
	if mode := info.Mode(); closed && exposed(mode) {
		return nil, fail(ErrKeyExposed, path, "its mode is %#o; run: chmod 600 %s", mode.Perm(), path)
	}
	raw, err := io.ReadAll(io.LimitReader(f, keyFileMax+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > keyFileMax {
		return nil, fail(ErrWrongKey, path, "it is too large to be a key set; %s", hintKey)
	}
	return parseKey(raw, path)
}

// parseKey reads a key set; from says where it comes from.
func parseKey(raw []byte, from string) (*sealer, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(raw)))
	if err != nil { // its text may quote the file
		return nil, fail(ErrWrongKey, from, "it is not a key set; %s", hintKey)
	}
	s, err := newSealer(handle)
	if err != nil {
		return nil, fail(ErrWrongKey, from, "%v; %s", err, hintKey)
	}
	return s, nil
}

// newKey makes a key set of one key and the bytes of its key file.
// XChaCha20-Poly1305, because its nonces are long enough to be drawn at random
// for as many writes as a store will ever see.
func newKey() (*sealer, []byte, error) {
	handle, err := keyset.NewHandle(aead.XChaCha20Poly1305KeyTemplate())
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	text, err := keyText(handle)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	s, err := newSealer(handle)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	return s, text, nil
}

// exists reports whether something stands at path.
func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
