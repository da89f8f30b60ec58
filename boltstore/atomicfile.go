package boltstore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// newSuffix is in the name of a file that is to take another's place.
const newSuffix = ".new-"

// writeFile puts data at path; see replaceFile.
func writeFile(path string, data []byte) error {
	return replaceFile(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// replaceFile puts what fill writes at path so that after a crash the file is
// there whole or not at all: a temporary file of mode 0600, fsync, rename, fsync
// of the directory.
func replaceFile(path string, fill func(io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+newSuffix+"*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && !errors.Is(err, errReplaced) {
			err = errors.Join(err, ignoreClosed(f.Close()), os.Remove(f.Name()))
		}
	}()
	if err := fill(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("%w: %w", errReplaced, err)
	}
	return nil
}

// errReplaced: a file has taken the other's place, but perhaps not for ever.
var errReplaced = errors.New("the directory could not be fsynced")

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
