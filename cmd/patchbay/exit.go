package main

import (
	"errors"
	"fmt"

	"github.com/patchbay-dev/patchbay/boltstore"
	"github.com/patchbay-dev/patchbay/cmd/patchbay/internal/app"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/config"
)

// Exit codes. They are part of the interface: scripts rely on them.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitConfig  = 3
	exitLocked  = 4
	exitDamaged = 5
	exitKey     = 6
	exitAddress = 7
)

// usageError is a command line that makes no sense.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// exitCode maps an error to the process's exit code.
func exitCode(err error) int {
	var (
		usage      *usageError
		file       *config.Error
		credential *app.ConfigError
	)
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &file), errors.As(err, &credential):
		return exitConfig
	case errors.Is(err, boltstore.ErrLocked):
		return exitLocked
	case errors.Is(err, boltstore.ErrWrongKey), errors.Is(err, boltstore.ErrKeyExposed):
		return exitKey
	case errors.Is(err, boltstore.ErrDamaged), errors.Is(err, boltstore.ErrNewerSchema):
		return exitDamaged
	case addressTaken(err):
		return exitAddress
	}
	return admin.ExitCode(err)
}
