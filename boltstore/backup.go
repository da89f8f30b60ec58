package boltstore

import (
	"context"
	"fmt"
	"io"
	"os"

	"go.etcd.io/bbolt"
)

// Backup writes the store as it is at one moment, while others read and write:
// a file for Restore, sealed as the store is. begin is told how many bytes come
// and says where they go. The key is not in it.
func (s *Store) Backup(ctx context.Context, begin func(size int64) (io.Writer, error)) error {
	if s.waiting.Load() > 0 {
		// What the file could not take has to be in a backup of it.
		if err := s.write(ctx, opOther, func(*txn) error { return nil }); err != nil {
			return fmt.Errorf("back the store up: %w", err)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.readRaw(func(tx *bbolt.Tx) error {
		w, err := begin(tx.Size())
		if err != nil {
			return err
		}
		_, err = tx.WriteTo(untilDone{ctx, w})
		return err
	})
	if err != nil {
		return fmt.Errorf("back the store up: %w", err)
	}
	return nil
}

// untilDone is a writer that fails when its context ends.
type untilDone struct {
	ctx context.Context
	w   io.Writer
}

func (u untilDone) Write(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.w.Write(b)
}

// SaveBackup puts a backup that fill writes at path, whole or not at all, mode
// 0600. A file that stands there is not replaced.
func SaveBackup(path string, fill func(io.Writer) error) error {
	taken, err := exists(path)
	if err != nil {
		return err
	}
	if taken {
		return fmt.Errorf("%s exists; choose another name: %w", path, os.ErrExist)
	}
	return replaceFile(path, fill)
}
