package boltstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const identityPrefix = "patchbay store "

// identityPath is where the identity file of the store at path stands:
// patchbay.id beside patchbay.db.
func identityPath(path string) string { return beside(path, ".id") }

// beside replaces the extension of path.
func beside(path, ext string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + ext
}

// readIdentity returns the id in the identity file, "" when there is none.
func readIdentity(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	id, ok := strings.CutPrefix(strings.TrimSpace(string(raw)), identityPrefix)
	if !ok || !validStoreID(id) {
		return "", fail(ErrDamaged, path, "it is not an identity file; restore it together with its store")
	}
	return id, nil
}

func writeIdentity(path, id string) error {
	return writeFile(path, []byte(identityPrefix+id+"\n"))
}
