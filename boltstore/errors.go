package boltstore

import (
	"errors"
	"fmt"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// What Open and the methods of Store fail with. Each error's text names the
// file and what to do next, and never holds a value of a record.
var (
	// ErrLocked: another process has the store open.
	ErrLocked = errors.New("store is locked by another process")
	// ErrDamaged: the file is not what was written. It is left as it is.
	ErrDamaged = errors.New("store is damaged")
	// ErrWrongKey: the key file is not the one that sealed the store, is
	// missing, or cannot be read as a key set.
	ErrWrongKey = errors.New("wrong key for the store")
	// ErrKeyExposed: others than the owner may read the key file.
	ErrKeyExposed = errors.New("key file can be read by others")
	// ErrExposed: others than the owner may read the store or its journal.
	ErrExposed = errors.New("data file can be read by others")
	// ErrReadOnly: a write may or may not have reached the disk. Nothing is written
	// any more; a restart finds out.
	ErrReadOnly = errors.New("store takes no more writes")
	// ErrNewerSchema: the store was written by a newer version.
	ErrNewerSchema = errors.New("store was written by a newer version")
	// ErrClosed: the store was used after Close.
	ErrClosed = errors.New("store is closed")
)

// CorruptError comes with the good records of a bucket when others failed
// their seal; see auth.CorruptError.
type CorruptError = auth.CorruptError

// fail makes an error of one of the kinds above: the path, what happened, and
// what to do next.
func fail(kind error, path, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", kind, path, fmt.Sprintf(format, args...))
}

const (
	hintBack    = "restore it with: patchbay store restore BACKUP, or, from its journal, patchbay store restore --journal"
	hintRestore = "nothing was changed in it; " + hintBack
	hintKey     = "put back the key file that belongs to this store"
)
