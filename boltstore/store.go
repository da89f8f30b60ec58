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
// each with one fsync.
type Store struct {
	path string
	db   *bbolt.DB
	// file is db's file, to give its lock back when db cannot.
	file *os.File
	seal *sealer
	// turn is held by the one who writes or closes. It stands before bbolt's own
	// lock, which a panic inside bbolt may leave locked for ever.
	turn chan struct{}
	// damaged is set once a call has found damage that bbolt panicked at; every
	// later call fails with it.
	damaged atomic.Pointer[error]
	closed  atomic.Bool
	stats   counters
}

var _ auth.Store = (*Store)(nil)

// List returns all credentials, by ascending ID. When some cannot be read
// (bytes that were changed, moved, put back or lost), it returns the others
// together with a *CorruptError that names these; any other error comes without
// credentials. Use the credentials in both cases.
//
// Numbers in Metadata come back as int64, or as float64 if they were saved as
// floats; integers that do not fit stay json.Number.
func (s *Store) List(ctx context.Context) ([]*auth.Auth, error) {
	entries, err := s.all(ctx, bucketAuths)
	var corrupt *CorruptError
	if err != nil && !errors.As(err, &corrupt) {
		return nil, fmt.Errorf("list credentials: %w", err)
	}
	auths := make([]*auth.Auth, 0, len(entries))
	for _, e := range entries {
		a, err := decodeAuth(e.Key, e.Value)
		if err != nil {
			corrupt = addCorrupt(corrupt, s.path, bucketAuths, e.Key, err)
			continue
		}
		auths = append(auths, a)
	}
	if corrupt != nil {
		return auths, corrupt
	}
	return auths, nil
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
	if s.damaged.Load() != nil {
		return release(s.file) // db.Close might wait for ever
	}
	panicked, err := guard(s.path, s.db.Close)
	if panicked {
		return errors.Join(err, release(s.file))
	}
	return err
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
