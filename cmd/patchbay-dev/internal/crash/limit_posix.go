//go:build linux || darwin

package crash

import (
	"os/signal"
	"syscall"
)

// limitFiles makes every write beyond so many bytes of a file fail, as on a disk
// without room.
func limitFiles(bytes uint64) error {
	signal.Ignore(syscall.SIGXFSZ) // else the process ends; so the write fails with EFBIG
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	limit.Cur = bytes
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
}
