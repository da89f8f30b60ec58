package driver

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
)

// PluginError says that the plugin, and neither the provider nor the
// credential, is at fault: it trapped, ran out of time, or broke the contract.
//
// It declares itself request-scoped, which is how the core knows that no
// credential is to blame: no health changes, and the request ends here, since
// another credential of the same plugin would meet the same fault. Its status
// is 502; 504 when a call's time ran out; 503 when no instance was free or the
// plugin is closed. errors.As finds the *auth.Error that a client may see, and
// the *abi.CallError that the operator should.
type PluginError struct {
	// Public is what a client is told: the plugin and the sort of fault.
	Public *auth.Error
	// Call is the whole story.
	Call *abi.CallError
}

// Error tells the operator what happened.
func (e *PluginError) Error() string { return e.Call.Error() }

// Unwrap returns both sides of the error.
func (e *PluginError) Unwrap() []error { return []error{e.Public, e.Call} }

// StatusCode implements executor.StatusError.
func (e *PluginError) StatusCode() int { return e.Public.HTTPStatus }

// IsRequestScoped reports that no credential is to blame.
func (e *PluginError) IsRequestScoped() bool { return true }

func newPluginError(call *abi.CallError) *PluginError {
	status := http.StatusBadGateway
	switch call.Fault {
	case abi.FaultDeadline:
		status = http.StatusGatewayTimeout
	case abi.FaultBusy, abi.FaultClosed:
		status = http.StatusServiceUnavailable
	}
	return &PluginError{
		Public: &auth.Error{
			Code:       auth.CodePlugin,
			Message:    fmt.Sprintf("the plugin %s failed (%s); the server's log says more", call.Plugin, call.Fault),
			HTTPStatus: status,
		},
		Call: call,
	}
}

// judged is a guest that wants to hear when an answer of its broke the contract,
// so that it can be taken out of service.
type judged interface{ Broke(call *abi.CallError) }

// fault is an answer that broke the contract, which the host found.
func (e *Executor) fault(call *abi.CallError) error {
	if g, ok := e.guest.(judged); ok && call.Fault == abi.FaultProtocol {
		g.Broke(call)
	}
	return e.report(call)
}

// report logs what the client is not told, and wraps it.
func (e *Executor) report(call *abi.CallError) error {
	e.opts.Logger.Warn("plugin fault", "plugin", call.Plugin, "provider", e.provider.Key,
		"op", call.Op.String(), "fault", call.Fault.String(), "detail", call.Detail)
	return newPluginError(call)
}

// callError turns the error of a call into what the caller gets.
func (e *Executor) callError(ctx context.Context, op abi.Op, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	var call *abi.CallError
	if !errors.As(err, &call) {
		call = &abi.CallError{Plugin: e.manifest.ID, Op: op, Fault: abi.FaultTrap, Err: err}
	}
	return e.report(call)
}
