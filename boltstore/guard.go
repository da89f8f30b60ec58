package boltstore

import (
	"fmt"
	"runtime/debug"
)

// guard runs fn, which calls bbolt, and turns a panic into ErrDamaged: bbolt
// panics when a page is not what it should be. A page that points outside the
// file faults instead; for the time of the call that is made a panic too.
func guard(path string, fn func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if cause := recover(); cause != nil {
			err = fail(ErrDamaged, path, "%s (%s)", hintRestore, fmt.Sprint(cause))
		}
	}()
	return fn()
}
