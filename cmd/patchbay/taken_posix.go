//go:build !windows

package main

import (
	"errors"
	"syscall"
)

// addressTaken reports whether a listener failed because another has the
// address.
func addressTaken(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
