//go:build !windows && !solaris && !aix

package boltstore

import (
	"errors"
	"os"
	"syscall"
)

// release gives the lock of a file back whose bbolt can no longer be closed.
// Closing it is not enough: the mapping, which then stays until the process
// ends, keeps the file's description, and that keeps the lock.
func release(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var unlocked error
	if err := raw.Control(func(fd uintptr) { unlocked = syscall.Flock(int(fd), syscall.LOCK_UN) }); err != nil {
		return ignoreClosed(err)
	}
	return errors.Join(unlocked, ignoreClosed(f.Close()))
}
