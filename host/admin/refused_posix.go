//go:build !windows

package admin

import (
	"errors"
	"syscall"
)

// refused reports whether a connection failed because nobody listens.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
