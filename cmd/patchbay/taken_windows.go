package main

import (
	"errors"
	"syscall"
)

// wsaeaddrinuse is what Windows says where others say EADDRINUSE, which package
// syscall makes up there.
const wsaeaddrinuse syscall.Errno = 10048

// addressTaken reports whether a listener failed because another has the
// address.
func addressTaken(err error) bool { return errors.Is(err, wsaeaddrinuse) }
