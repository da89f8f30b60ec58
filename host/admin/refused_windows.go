package admin

import (
	"errors"
	"syscall"
)

// wsaeconnrefused is what Windows says where others say ECONNREFUSED, which
// package syscall makes up there.
const wsaeconnrefused syscall.Errno = 10061

// refused reports whether a connection failed because nobody listens.
func refused(err error) bool { return errors.Is(err, wsaeconnrefused) }
