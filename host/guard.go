package host

import (
	"fmt"
	"runtime/debug"
)

// guard runs foreign code whose outcome nobody waits for: a panic is logged
// and goes no further.
func (m *Manager) guard(what string, f func()) {
	defer func() {
		if v := recover(); v != nil {
			m.log.Error("foreign code panicked", "where", what, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	f()
}

// guarded runs foreign code whose outcome counts: a panic is logged and becomes
// an error.
func (m *Manager) guarded(what string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			m.log.Error("foreign code panicked", "where", what, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = fmt.Errorf("%s panicked; see the log", what)
		}
	}()
	return f()
}
