package boltstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
)

// write runs fn in a write transaction. All of it is durable, in the journal and
// then in the file, when write returns nil. When it returns an error none of it
// happened, with two exceptions: what OpCommit brought stays in the journal if
// the file could not take it, so that a refreshed token outlives a full disk; and
// after ErrReadOnly nobody knows. Waiting for the turn ends with ctx; what has
// begun is finished.
func (s *Store) write(ctx context.Context, name string, fn func(*txn) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	asked := time.Now()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	began := time.Now()
	defer func() { s.stats.count(asked, began, err) }()
	if err := s.usable(); err != nil {
		return err
	}
	if frozen := s.frozen.Load(); frozen != nil {
		return *frozen
	}
	err = s.run(func() error { return s.transact(name, fn) })
	s.waiting.Store(int64(len(s.late)))
	if err == nil {
		s.compactIfLong()
	}
	return err
}

// transact is one write, by whoever has the turn.
func (s *Store) transact(name string, fn func(*txn) error) error {
	tx, err := s.db.Begin(true)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	h, err := readHead(tx, s.seal.Load())
	if err != nil {
		return fail(ErrDamaged, s.path, "its head record does not open; %s", hintRestore)
	}
	t := &txn{tx: tx, seal: s.seal.Load(), head: h}
	if err := s.bringLate(t); err != nil {
		return err
	}
	late := len(t.ops)
	if err := fn(t); err != nil {
		return err
	}
	if len(t.ops) == 0 && !t.renew {
		return nil
	}
	if err := writeHead(tx, t.seal, t.head); err != nil {
		return err
	}
	// What is late stands in the journal already.
	journaled, before := 0, s.journal.head
	if len(t.ops) > late {
		if journaled, err = s.journalOps(name, t.head.Generation, t.ops[late:]); err != nil {
			return err
		}
	}
	if err := s.seams.at(name, JournalSynced); err != nil {
		return s.uncommitted(name, t, late, journaled, before, err)
	}
	if err := tx.Commit(); err != nil {
		if !spaceError(err) || s.shows(t.head.Generation) {
			return s.freeze(err)
		}
		return s.uncommitted(name, t, late, journaled, before, err)
	}
	s.late = nil
	if err := s.seams.at(name, Committed); err != nil {
		return s.freeze(err)
	}
	return nil
}

// bringLate makes the changes that the journal has and the file could not take.
func (s *Store) bringLate(t *txn) error {
	for _, o := range s.late {
		if err := t.apply(o); err != nil {
			return err
		}
	}
	t.head.Generation = max(t.head.Generation, s.journal.head)
	return nil
}

// journalOps makes changes durable in the journal, and returns how many bytes
// its entry has.
func (s *Store) journalOps(name string, generation uint64, ops []op) (int, error) {
	b, err := frame(s.seal.Load(), s.journal.store, generation, entry{kind: entryChange, ops: ops})
	if err != nil {
		return 0, err
	}
	if err := s.seams.at(name, BeforeJournal); err != nil {
		return 0, writing(s.journal.path, err)
	}
	if err := s.journal.append(b, generation); err != nil {
		return 0, writing(s.journal.path, err)
	}
	if err := s.seams.at(name, JournalWritten); err != nil {
		return 0, s.freeze(err)
	}
	if err := s.journal.f.Sync(); err != nil {
		return 0, s.freeze(err)
	}
	return len(b), nil
}

// uncommitted decides what becomes of the journal's entry after a commit that
// changed nothing.
func (s *Store) uncommitted(name string, t *txn, late, journaled int, before uint64, cause error) error {
	switch {
	case journaled == 0:
	case name == OpCommit:
		s.late = append(s.late, t.ops[late:]...)
	default:
		if err := s.journal.undo(journaled, before); err != nil {
			return s.freeze(errors.Join(cause, err))
		}
	}
	return writing(s.path, cause)
}

// writing names the file that an error is about, if the error does not.
func writing(path string, err error) error {
	var named *os.PathError
	if errors.As(err, &named) {
		return err
	}
	return fmt.Errorf("write %s: %w", path, err)
}

// shows reports whether the file, as this process sees it, holds a generation,
// or cannot be read.
func (s *Store) shows(generation uint64) bool {
	shown := true
	err := s.db.View(func(tx *bbolt.Tx) error {
		h, err := readHead(tx, s.seal.Load())
		shown = err != nil || h.Generation >= generation
		return nil
	})
	return shown || err != nil
}

// freeze ends writing: after a failed fsync the system may have thrown away what
// was to be written and say that all is well the next time.
func (s *Store) freeze(cause error) error {
	err := fmt.Errorf("%w: %s: what was to be written may not have reached the disk (%w); mend the disk and restart, nothing more is written until then", ErrReadOnly, s.path, cause)
	s.frozen.CompareAndSwap(nil, &err)
	return err
}

// spaceError reports whether a write failed for want of room, so that it may
// work later.
func spaceError(err error) bool {
	// bbolt does not wrap what keeps it from growing the file, before it writes.
	if strings.HasPrefix(err.Error(), "file resize error") {
		return true
	}
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, full) {
			return true
		}
	}
	return false
}
