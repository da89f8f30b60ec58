// Package retry says what to do after a failed attempt: stop, try another
// credential, or wait and begin another round. It is pure: clock and
// randomness are arguments. spec: core.md 2.3 to 2.7.
package retry

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// StatusOf returns the HTTP status that err counts as: that of the first error
// in its chain that has one, unless the provider's own classification says
// otherwise. 0 means that no answer came.
func StatusOf(err error) int {
	if upstream, ok := errors.AsType[*executor.UpstreamError](err); ok {
		return auth.CountsAs(upstream.Status, upstream.Code)
	}
	if own, ok := errors.AsType[*auth.Error](err); ok {
		return auth.CountsAs(own.HTTPStatus, own.Code)
	}
	if s, ok := errors.AsType[executor.StatusError](err); ok {
		return s.StatusCode()
	}
	return 0
}

// RequestFault reports whether the request itself is wrong, so that it goes
// back to the client as it is: nobody is to blame, nobody else is tried. What
// the provider's classification calls a fault of the credential is none,
// whatever its status. spec: core.md 2.5.
func RequestFault(err error) bool {
	if err == nil {
		return false
	}
	if ruled, ok := errors.AsType[*Ruled](err); ok {
		return ruled.Stop
	}
	if scoped, ok := errors.AsType[interface {
		error
		IsRequestScoped() bool
	}](err); ok && scoped.IsRequestScoped() {
		return true
	}
	if credentialScoped(err) {
		return false
	}
	return fault(err) == auth.FaultRequest
}

// Lifecycle reports whether err says only that the client or the connection
// went away, which teaches nothing about a credential. An error with a status
// is an answer, whatever its text says.
func Lifecycle(err error) bool {
	if err == nil {
		return false
	}
	if own, ok := errors.AsType[*auth.Error](err); ok && own.Fault() == auth.FaultLifecycle {
		return true
	}
	if StatusOf(err) != 0 {
		return false
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// Failover reports whether another credential may be tried after err. The
// caller has made sure that the request's own context still lives, so that a
// deadline here is one of the attempt.
func Failover(err error) bool {
	return err != nil && !committed(err) && !errors.Is(err, context.Canceled) && !RequestFault(err)
}

// committed reports whether work was begun upstream that another attempt would
// pay for twice.
func committed(err error) bool {
	upstream, ok := errors.AsType[*executor.UpstreamError](err)
	return ok && upstream.Committed
}

func credentialScoped(err error) bool {
	scoped, ok := errors.AsType[interface {
		error
		IsCredentialScoped() bool
	}](err)
	return ok && scoped.IsCredentialScoped()
}

func fault(err error) auth.Fault {
	code, text := codeAndText(err)
	return auth.FaultOf(StatusOf(err), code, text)
}

// codeAndText returns what there is to classify err by: its code, and the
// provider's body or, failing that, the message.
func codeAndText(err error) (code, text string) {
	if upstream, ok := errors.AsType[*executor.UpstreamError](err); ok {
		code = upstream.Code
		text = upstream.Message
	} else if own, ok := errors.AsType[*auth.Error](err); ok {
		code = own.Code
		text = own.Message
	} else {
		text = err.Error()
	}
	if answer, ok := errors.AsType[interface {
		error
		ResponseBody() []byte
	}](err); ok && len(answer.ResponseBody()) > 0 {
		text = string(answer.ResponseBody())
	}
	return code, text
}

var worthAnother = settings.DefaultRetryStatuses()

// passing reports whether a status may be different next time, by itself.
func passing(status int) bool { return slices.Contains(worthAnother, status) }
