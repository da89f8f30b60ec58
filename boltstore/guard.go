package boltstore

import (
	"fmt"
	"runtime/debug"
)

// guard runs fn, which calls bbolt, and turns a panic into ErrDamaged: bbolt
// panics when a page is not what it should be. A page that points outside the
// file faults instead; for the time of the call that is made a panic too.
// After a panic bbolt may hold its locks for ever.
func guard(path string, fn func() error) (panicked bool, err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if cause := recover(); cause != nil {
			panicked, err = true, fail(ErrDamaged, path, "%s (%s)", hintRestore, fmt.Sprint(cause))
		}
	}()
	return false, fn()
}
