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
	// Key is the key when it is not in KeyFile; see KeyFrom.
	Key *Key
	// Timeout is how long to wait while another process has the store; 0 means
	// one second. A nearer deadline of the context counts.
	Timeout time.Duration
	// Note is told of what an operator should know and that stopped nothing, such as
	// that the journal had to bring the store forward; nil means nobody is.
	Note func(text string)
	// Seams are for tests.
	Seams Seams
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
	o.KeyFile = keyFileOf(o)
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
	var evidence string
	for _, path := range []string{journalPath(o.Path), identityPath(o.Path), o.KeyFile} {
		there, err := exists(path)
		if err != nil {
			return false, fmt.Errorf("open the store: %w", err)
		}
		if there && (path != o.KeyFile || o.Key == nil && evidence == "") {
			evidence = path
		}
	}
	info, err := os.Stat(o.Path)
	what := "is missing"
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return false, fmt.Errorf("open the store: %w", err)
	case !info.Mode().IsRegular():
		return false, fail(ErrDamaged, o.Path, "it is not a regular file; move it away")
	case exposed(info.Mode()):
		return false, fail(ErrExposed, o.Path, "its mode is %#o; run: chmod 600 %s", info.Mode().Perm(), o.Path)
	case info.Size() > 0:
		return false, nil
	default:
		what = "is empty"
	}
	if evidence != "" {
		return false, fail(ErrDamaged, o.Path, "it %s, but %s says that there was a store; %s, or, to begin an empty store, move %s away", what, evidence, hintBack, evidence)
	}
	return true, nil
}

// openFile opens and locks the file. create says that it may be made.
func openFile(o Options, create bool) (*Store, error) {
	s := &Store{path: o.Path, seams: o.Seams, note: o.Note, key: keyPlace{file: o.KeyFile, given: o.Key}, turn: make(chan struct{}, 1), rotating: make(chan struct{}, 1)}
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
	seal, err := s.key.read()
	anew := found.empty // what stands in a journal is not of this store
	switch {
	case errors.Is(err, fs.ErrNotExist) && found.records:
		return fail(ErrWrongKey, s.path, "the key file %s is missing, and the store is sealed with key %s; %s", s.key, keyName(found.head.keyID), hintKey)
	case errors.Is(err, fs.ErrNotExist):
		anew = true
		if found.store, err = s.firstKey(found); err != nil {
			return err
		}
	case err != nil:
		return fmt.Errorf("open the store: %w", err)
	case found.empty && s.key.given != nil:
		if found.store, err = s.begin(seal, found); err != nil {
			return err
		}
	case found.empty:
		return fail(ErrDamaged, s.path, "it holds nothing, but %s says that there was a store; %s", s.key, hintRestore)
	default:
		if err := s.checkKey(seal, found); err != nil {
			return err
		}
	}
	s.id = found.store
	migrated := found.schema < schemaVersion
	if !found.empty && migrated {
		if err := s.writeRaw(migrate); err != nil {
			return err
		}
	}
	if identity == "" {
		if err := writeIdentity(identityPath(s.path), found.store); err != nil {
			return fmt.Errorf("write the identity file: %w", err)
		}
	}
	return s.joinJournal(anew, migrated)
}

// begin makes an empty store, sealed with seal.
func (s *Store) begin(seal *sealer, found layout) (store string, err error) {
	err = s.writeRaw(func(tx *bbolt.Tx) error {
		store, err = establish(tx, seal, found)
		return err
	})
	if err == nil {
		s.seal.Store(seal)
	}
	return store, err
}

// firstKey makes the key of a store that has no records.
func (s *Store) firstKey(found layout) (store string, err error) {
	seal, raw, err := newKey()
	if err != nil {
		return "", err
	}
	if store, err = s.begin(seal, found); err != nil {
		return "", err
	}
	if err := writeFile(s.key.file, raw); err != nil {
		return "", fmt.Errorf("write the key file: %w", err)
	}
	return store, nil
}

// checkKey opens the head record with the key.
func (s *Store) checkKey(seal *sealer, found layout) error {
	if !seal.keys[found.head.keyID] {
		return fail(ErrWrongKey, s.path, "it is sealed with key %s, but %s holds key %s; %s", keyName(found.head.keyID), s.key, keyName(seal.primary), hintKey)
	}
	s.seal.Store(seal)
	return s.readRaw(func(tx *bbolt.Tx) error {
		h, err := readHead(tx, seal)
		if err != nil || h.Store != found.store {
			return fail(ErrDamaged, s.path, "its head record, sealed with key %s, does not open; %s", keyName(found.head.keyID), hintRestore)
		}
		return nil
	})
}
