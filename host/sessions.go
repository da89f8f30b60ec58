package host

import (
	"strings"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// CloseExecutionSession asks every executor that keeps sessions to release one;
// CloseAllExecutionSessionsID means all. A blank id is nothing. It returns when
// all have been asked.
func (m *Manager) CloseExecutionSession(sessionID string) {
	sessionID = strings.TrimSpace(sessionID)
	if sessionID == "" {
		return
	}
	for provider, exec := range m.world.Load().executors {
		if closer, ok := exec.(auth.ExecutionSessionCloser); ok {
			m.guard("close a session of "+provider, func() { closer.CloseExecutionSession(sessionID) })
		}
	}
}
