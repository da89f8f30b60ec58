package login

import "errors"

// Codes of Error. The list is closed.
const (
	// CodeUnknown: there is no such login, or it has ended.
	CodeUnknown = "unknown_login"
	// CodeExpired: it took too long.
	CodeExpired = "login_expired"
	// CodeRestart: the plugin was replaced meanwhile, and what the old version
	// remembered means nothing to the new one.
	CodeRestart = "restart"
	// CodeBusy: another step of the login runs, or too many logins do.
	CodeBusy = "busy"
	// CodeMismatch: the answer does not belong to this login, or was given
	// before. The login goes on.
	CodeMismatch = "mismatch"
	// CodeInvalid: the answer is none to what was asked. The login goes on.
	CodeInvalid = "invalid"
	// CodeDenied: the person, or the provider, said no.
	CodeDenied = "denied"
	// CodeRejected: a PostAuthHook did not accept the credential.
	CodeRejected = "rejected"
	// CodeCancelled: somebody ended it.
	CodeCancelled = "cancelled"
	// CodeUnsupported: the provider has no login.
	CodeUnsupported = "unsupported"
	// CodeFailed: a step failed; Err says how.
	CodeFailed = "login_failed"
)

// Error is a login, or a step of one, that failed.
type Error struct {
	// Code is one of the codes above.
	Code string
	// Message says what happened and what to do. It holds no secret.
	Message string
	// Err is the cause, nil when there is none.
	Err error
}

// Error returns the message, which is complete as it is.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an *Error with the same code and no message.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Message == "" && t.Code == e.Code
}

// open reports whether the login goes on in spite of the error.
func open(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Code == CodeMismatch || e.Code == CodeInvalid || e.Code == CodeBusy)
}
