package meter

import (
	"errors"
	"fmt"
)

// The kinds of an [Error], for errors.Is.
var (
	// ErrInvalid: the module breaks a rule of the binary format, or uses a
	// feature beyond WebAssembly 2.0.
	ErrInvalid = errors.New("invalid module")
	// ErrComponent: the file is a component, not a core module.
	ErrComponent = errors.New("a WebAssembly component, not a core module")
	// ErrNotWasm: the file doesn't begin as a WebAssembly module of version 1.
	ErrNotWasm = errors.New("not a WebAssembly module")
	// ErrLimit: the module is larger in some way than the host allows.
	ErrLimit = errors.New("module exceeds a limit")
)

// Error says why a module was refused.
type Error struct {
	// Offset is where in the file, in bytes.
	Offset int
	// Section names the section, or is empty if none is at fault.
	Section string
	// Reason is for whoever built the module.
	Reason string
	// Kind is one of ErrInvalid, ErrComponent, ErrNotWasm and ErrLimit.
	Kind error
}

// Error names the kind, the place and the reason.
func (e *Error) Error() string {
	if e.Section == "" {
		return fmt.Sprintf("%v: %s (at byte %d)", e.Kind, e.Reason, e.Offset)
	}
	return fmt.Sprintf("%v: %s section: %s (at byte %d)", e.Kind, e.Section, e.Reason, e.Offset)
}

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }
