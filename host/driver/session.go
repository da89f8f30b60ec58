package driver

import (
	"context"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

var _ auth.ExecutionSessionCloser = (*Executor)(nil)

// sessionTime is how long a guest may take to close a session.
const sessionTime = 5 * time.Second

// CloseExecutionSession tells the guest, if its manifest asks, that an execution
// session is over; executor.CloseAllExecutionSessionsID means all of them. It
// returns when the guest has answered. What goes wrong is logged.
func (e *Executor) CloseExecutionSession(sessionID string) {
	if !e.provider.Sessions || sessionID == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), sessionTime)
	defer cancel()
	at, err := e.newAttempt(ctx, &auth.Auth{}, abi.OpCloseSession, abi.KindUnspecified)
	if err != nil {
		return // its guest may be closed already
	}
	defer at.release()
	in := &abi.CloseSessionInput{SessionID: toText(sessionID)}
	if sessionID == executor.CloseAllExecutionSessionsID {
		in = &abi.CloseSessionInput{All: true}
	}
	if err = at.ask(abi.OpCloseSession, in); err == nil && at.stage == stageTodo {
		err = at.perform()
	}
	if err != nil {
		e.opts.Logger.Warn("a plugin did not close a session", "plugin", e.manifest.ID, "provider", e.provider.Key, "error", err)
	}
}
