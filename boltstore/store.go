package boltstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// Store is an open store. It is safe for concurrent use; writes take turns,
// each with an fsync of the journal and one of the file.
type Store struct {
	path string
	db   *bbolt.DB
	// file is db's file, to give its lock back when db cannot.
	file *os.File
	// id is the store's own, the same as in the identity file.
	id    string
	key   keyPlace
	seal  atomic.Pointer[sealer]
	seams Seams
	// journal and late belong to the one who has the turn. late are changes that the
	// journal has and the file could not take.
	journal *journal
	late    []op
	// waiting is how many writes are late, for who does not have the turn.
	waiting atomic.Int64
	// turn is held by the one who writes or closes. It stands before bbolt's own
	// lock, which a panic inside bbolt may leave locked for ever.
	turn chan struct{}
	// rotating is held by the one who rotates the key.
	rotating chan struct{}
	// damaged is set once a call has found damage that bbolt panicked at; every
	// later call fails with it.
	damaged atomic.Pointer[error]
	// frozen is set once a write may or may not have reached the disk.
	frozen atomic.Pointer[error]
	closed atomic.Bool
	stats  counters
	note   func(string)
}

var (
	_ auth.RefreshStore = (*Store)(nil)
	_ auth.BatchStore   = (*Store)(nil)
)

// List returns all credentials, by ascending ID. When some cannot be read
// (bytes that were changed, moved, put back or lost), it returns the others
// together with a *CorruptError that names these; any other error comes without
// credentials. Use the credentials in both cases.
//
// Numbers in Metadata come back as int64, or as float64 if they were saved as
// floats; integers that do not fit stay json.Number.
func (s *Store) List(ctx context.Context) ([]*auth.Auth, error) {
	auths, err := allOf(ctx, s, bucketAuths, decodeAuth)
	var corrupt *CorruptError
	if err != nil && !errors.As(err, &corrupt) {
		return nil, fmt.Errorf("list credentials: %w", err)
	}
	return auths, err
}

// Save replaces the credential with the same ID and returns the path of the
// store. When it returns without an error, the credential is on disk, fsynced.
// Index, FileName, Storage and Runtime are not kept. a must have an ID, and
// text that is valid UTF-8, since other bytes would not come back as they were.
func (s *Store) Save(ctx context.Context, a *auth.Auth) (string, error) {
	if a == nil {
		return "", errors.New("save a credential: it is nil")
	}
	plain, err := encodeAuth(a)
	if err != nil {
		return "", fmt.Errorf("save credential %q: %w", a.ID, err)
	}
	if err := s.put(ctx, bucketAuths, a.ID, plain); err != nil {
		return "", fmt.Errorf("save credential %q: %w", a.ID, err)
	}
	return s.path, nil
}

// SaveAll implements auth.BatchStore: it is Save of each, in one transaction.
func (s *Store) SaveAll(ctx context.Context, auths []*auth.Auth) error {
	plain := make([][]byte, len(auths))
	for i, a := range auths {
		if a == nil {
			return errors.New("save credentials: one is nil")
		}
		var err error
		if plain[i], err = encodeAuth(a); err != nil {
			return fmt.Errorf("save credential %q: %w", a.ID, err)
		}
	}
	err := s.write(ctx, opOther, func(t *txn) error {
		for i, a := range auths {
			if _, err := t.put(bucketAuths, a.ID, plain[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save %d credentials: %w", len(auths), err)
	}
	return nil
}

// Delete removes the credential, durably; an unknown id is not an error.
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := s.remove(ctx, bucketAuths, id); err != nil {
		return fmt.Errorf("delete credential %q: %w", id, err)
	}
	return nil
}

// Close waits for running calls and gives the file back. Further calls of Close
// do nothing; every other method then fails with ErrClosed.
func (s *Store) Close() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.closed.Swap(true) {
		return nil
	}
	var journal error
	if s.journal != nil && s.journal.f != nil {
		journal = s.journal.f.Close()
	}
	if s.damaged.Load() != nil {
		return errors.Join(journal, release(s.file)) // db.Close might wait for ever
	}
	panicked, err := guard(s.path, s.db.Close)
	if panicked {
		return errors.Join(journal, err, release(s.file))
	}
	return errors.Join(journal, err)
}

// tell tells of something that an operator should know and that stopped nothing.
func (s *Store) tell(format string, args ...any) {
	if s.note != nil {
		s.note(fmt.Sprintf(format, args...))
	}
}

// Trouble says what is wrong with the store now, nil when nothing is: that it
// takes no more writes, or that some wait for room in the file.
func (s *Store) Trouble() error {
	if err := s.usable(); err != nil {
		return err
	}
	if err := s.frozen.Load(); err != nil {
		return *err
	}
	if n := s.waiting.Load(); n > 0 {
		return fmt.Errorf("%s: %d changes are in the journal only, as the store could not take them; make room on the disk", s.path, n)
	}
	return nil
}

// usable says why the store cannot be used, or nil.
func (s *Store) usable() error {
	if s.closed.Load() {
		return fail(ErrClosed, s.path, "it cannot be used any more")
	}
	if err := s.damaged.Load(); err != nil {
		return *err
	}
	return nil
}

// readRaw runs fn in a read transaction, guarded.
func (s *Store) readRaw(fn func(*bbolt.Tx) error) error {
	if err := s.usable(); err != nil {
		return err
	}
	return s.run(func() error { return s.db.View(fn) })
}

// writeRaw runs fn in a write transaction, guarded; the caller has the turn, or
// nobody else has the store yet.
func (s *Store) writeRaw(fn func(*bbolt.Tx) error) error {
	if err := s.usable(); err != nil {
		return err
	}
	return s.run(func() error { return s.db.Update(fn) })
}

func (s *Store) run(fn func() error) error {
	panicked, err := guard(s.path, func() error {
		if err := fn(); !errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
			return err
		}
		return fail(ErrClosed, s.path, "it cannot be used any more")
	})
	if panicked {
		s.damaged.CompareAndSwap(nil, &err)
	}
	return err
}
