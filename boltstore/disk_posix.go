//go:build !windows

package boltstore

import (
	"errors"
	"io/fs"
	"os"
)

// exposed reports whether others than the owner may read a file.
func exposed(mode fs.FileMode) bool { return mode.Perm()&0o077 != 0 }

// syncDir makes a rename in dir last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
