package plugins

import (
	"errors"
	"fmt"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
)

// ErrRefused is matched by every error that says that this host does not run a
// module as it is. Trying again does not help.
var ErrRefused = errors.New("plugin refused")

// ErrNeedsGrant is matched when a version of a plugin asks for more than the
// operator granted. It is not an ErrRefused: a grant mends it.
var ErrNeedsGrant = errors.New("plugin needs a grant")

// ErrHash is matched when a file is not the one that was pinned. It matches
// ErrRefused too.
var ErrHash = errors.New("the file is not the one that was installed")

// RefusedError says why a module is not run.
type RefusedError struct {
	// File, Plugin and Version are empty while they are not known.
	File, Plugin, Version string
	// Reason is for the operator: one line, what is wrong and what to do.
	Reason string
	// Err is the cause, if there is one.
	Err error
}

// Error is one line: the file, the plugin, the reason.
func (e *RefusedError) Error() string {
	return "plugin refused: " + subject(e.File, e.Plugin, e.Version) + e.Reason
}

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// Is matches ErrRefused.
func (e *RefusedError) Is(target error) bool { return target == ErrRefused }

// NeedsGrantError lists what a version asks for beyond its grant.
type NeedsGrantError struct {
	File, Plugin, Version string
	// New is what was not granted, as Grant spells it.
	New []string
}

// Error is one line that lists what is new.
func (e *NeedsGrantError) Error() string {
	return "plugin needs a grant: " + subject(e.File, e.Plugin, e.Version) + "asks for more than was granted: " + strings.Join(e.New, "; ")
}

// Is matches ErrNeedsGrant.
func (e *NeedsGrantError) Is(target error) bool { return target == ErrNeedsGrant }

func subject(file, plugin, version string) string {
	s := ""
	if file != "" {
		s = file + ": "
	}
	if plugin != "" {
		s += plugin
		if version != "" {
			s += " " + version
		}
		s += ": "
	}
	return s
}

func refuse(format string, args ...any) error {
	return &RefusedError{Reason: fmt.Sprintf(format, args...)}
}

// named puts the plugin's name and the file's on an error of this package that
// lacks them.
func named(err error, file string, m *abi.Manifest) error {
	var refused *RefusedError
	if errors.As(err, &refused) {
		if refused.File == "" {
			refused.File = file
		}
		if m != nil && refused.Plugin == "" {
			refused.Plugin, refused.Version = m.ID, m.Version
		}
	}
	var grant *NeedsGrantError
	if errors.As(err, &grant) && grant.File == "" {
		grant.File = file
	}
	return err
}
