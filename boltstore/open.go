package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// defaultTimeout is how long Open waits for a store that is in use.
const defaultTimeout = time.Second

// Options say which store to open.
type Options struct {
	// Path of the store, such as data/patchbay.db. Its directory is made when
	// missing, mode 0700. The identity file stands beside it (patchbay.id).
	Path string
	// KeyFile is the key file; empty means beside the store (patchbay.key).
	KeyFile string
	// Timeout is how long to wait while another process has the store; 0 means
	// one second. A nearer deadline of the context counts.
	Timeout time.Duration
}

// Open opens the store, and makes it, with its key file and identity file, on
// the first start. It fails with ErrLocked, ErrDamaged, ErrWrongKey,
// ErrKeyExposed or ErrNewerSchema; after a failure nothing that was there has
// been changed. Whatever instant an earlier process was killed at, Open needs
// no repair.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o.Path == "" {
		return nil, errors.New("open the store: no path was given")
	}
	if o.KeyFile == "" {
		o.KeyFile = beside(o.Path, ".key")
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if deadline, ok := ctx.Deadline(); ok {
		o.Timeout = max(min(o.Timeout, time.Until(deadline)), time.Millisecond)
	}
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o700); err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	fresh, err := checkFiles(o)
	if err != nil {
		return nil, err
	}
	s, err := openFile(o, fresh)
	if err != nil {
		return nil, err
	}
	if err := s.unlock(o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// checkFiles decides from the files alone whether this is a first start, and
// refuses when a store was here and is gone: bbolt would begin an empty one.
// Key and identity are looked at before the store, because they are made after
// it, perhaps by another process at this moment.
func checkFiles(o Options) (fresh bool, err error) {
	hasKey, err := exists(o.KeyFile)
	if err != nil {
		return false, fmt.Errorf("open the store: %w", err)
	}
	hasIdentity, err := exists(identityPath(o.Path))
	if err != nil {
		return false, fmt.Errorf("open the store: %w", err)
	}
	info, err := os.Stat(o.Path)
	what := "is missing"
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return false, fmt.Errorf("open the store: %w", err)
	case !info.Mode().IsRegular():
		return false, fail(ErrDamaged, o.Path, "it is not a regular file; move it away")
	case info.Size() > 0:
		return false, nil
	default:
		what = "is empty"
	}
	evidence := identityPath(o.Path)
	if !hasIdentity {
		evidence = o.KeyFile
	}
	if hasIdentity || hasKey {
		return false, fail(ErrDamaged, o.Path, "it %s, but %s says that there was a store; restore it from a backup, or, to begin an empty store, move %s away", what, evidence, evidence)
	}
	return true, nil
}

// openFile opens and locks the file. create says that it may be made.
func openFile(o Options, create bool) (*Store, error) {
	s := &Store{path: o.Path, turn: make(chan struct{}, 1)}
	panicked, err := guard(o.Path, func() error {
		db, err := bbolt.Open(o.Path, 0o600, &bbolt.Options{
			Timeout: o.Timeout,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				if !create {
					flag &^= os.O_CREATE
				}
				f, err := os.OpenFile(name, flag, mode)
				s.file = f
				return f, err
			},
		})
		s.db = db
		return err
	})
	if err == nil {
		return s, nil
	}
	var errno syscall.Errno
	switch {
	case panicked:
		return nil, errors.Join(err, release(s.file))
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fail(ErrLocked, o.Path, "waited %v; stop the other patchbay, or let it do the work", o.Timeout)
	case errors.As(err, &errno):
		return nil, fmt.Errorf("open the store: %w", err)
	}
	return nil, fail(ErrDamaged, o.Path, "%s (%v)", hintRestore, err)
}

// unlock checks what was opened and loads its key; a first start is completed:
// first the store, then the key file, then the identity file.
func (s *Store) unlock(o Options) error {
	var found layout
	err := s.readRaw(func(tx *bbolt.Tx) (err error) {
		found, err = readLayout(tx, s.path)
		return err
	})
	if err != nil {
		return err
	}
	identity, err := readIdentity(identityPath(s.path))
	if err != nil {
		return err
	}
	if identity != "" && identity != found.store {
		return fail(ErrDamaged, s.path, "%s belongs to another store or to another state of this one; %s", identityPath(s.path), hintRestore)
	}
	seal, err := readKeyFile(o.KeyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) && found.records:
		return fail(ErrWrongKey, s.path, "the key file %s is missing, and the store is sealed with key %s; %s", o.KeyFile, keyName(found.head.keyID), hintKey)
	case errors.Is(err, fs.ErrNotExist):
		if found.store, err = s.firstKey(o.KeyFile, found); err != nil {
			return err
		}
	case err != nil:
		return fmt.Errorf("open the store: %w", err)
	case found.empty:
		return fail(ErrDamaged, s.path, "it holds nothing, but %s says that there was a store; %s", o.KeyFile, hintRestore)
	default:
		if err := s.checkKey(o.KeyFile, seal, found); err != nil {
			return err
		}
	}
	if identity == "" {
		if err := writeIdentity(identityPath(s.path), found.store); err != nil {
			return fmt.Errorf("write the identity file: %w", err)
		}
	}
	return nil
}

// firstKey makes the key of a store that has no records.
func (s *Store) firstKey(keyFile string, found layout) (store string, err error) {
	seal, raw, err := newKey()
	if err != nil {
		return "", err
	}
	err = s.writeRaw(func(tx *bbolt.Tx) error {
		store, err = establish(tx, seal, found)
		return err
	})
	if err != nil {
		return "", err
	}
	if err := writeFile(keyFile, raw); err != nil {
		return "", fmt.Errorf("write the key file: %w", err)
	}
	s.seal = seal
	return store, nil
}

// checkKey opens the head record with the key.
func (s *Store) checkKey(keyFile string, seal *sealer, found layout) error {
	if !seal.keys[found.head.keyID] {
		return fail(ErrWrongKey, s.path, "it is sealed with key %s, but %s holds key %s; %s", keyName(found.head.keyID), keyFile, keyName(seal.primary), hintKey)
	}
	s.seal = seal
	return s.readRaw(func(tx *bbolt.Tx) error {
		h, err := readHead(tx, seal)
		if err != nil || h.Store != found.store {
			return fail(ErrDamaged, s.path, "its head record, sealed with key %s, does not open; %s", keyName(found.head.keyID), hintRestore)
		}
		return nil
	})
}
