package admin

import (
	"errors"
	"net/http"
)

// Codes of the errors that operations return. The list is closed; httpStatus
// maps it.
const (
	// CodeInvalid: the request cannot be carried out as it is.
	CodeInvalid = "invalid"
	// CodeNotFound: no such thing.
	CodeNotFound = "not_found"
	// CodeConflict: it exists already, or is in use.
	CodeConflict = "conflict"
	// CodeFromConfig: it is declared in the configuration file.
	CodeFromConfig = "from_config"
	// CodeConsent: the operator has to agree first.
	CodeConsent = "consent"
	// CodeRefused: a plugin was verified and found bad.
	CodeRefused = "refused"
	// CodeUnavailable: the server cannot do it now.
	CodeUnavailable = "unavailable"
	// CodeUnsupported: the provider, or this build, cannot do it at all.
	CodeUnsupported = "unsupported"
	// CodeForbidden: the request did not come from a command of ours.
	CodeForbidden = "forbidden"
	// CodeLogin: a login has ended without a credential.
	CodeLogin = "login"
	// CodeInternal: everything else.
	CodeInternal = "internal"
)

// Error is a failed operation, the same on both sides of the socket.
type Error struct {
	// Code is one of the codes above.
	Code string `json:"code"`
	// Message says what happened, to what, and what to do next. It holds no
	// secret.
	Message string `json:"message"`
	// Exit is the exit code that a command should end with; 0 means 1.
	Exit int `json:"exit,omitempty"`
}

// Error returns the message, which is complete as it is.
func (e *Error) Error() string { return e.Message }

// Is reports whether target is an *Error with the same code and no message, so
// that errors.Is(err, &Error{Code: CodeNotFound}) asks for a kind.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Message == "" && t.Code == e.Code
}

// ExitCode returns the exit code for err: 0 for nil, the one that an *Error
// names, else 1.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	var e *Error
	if errors.As(err, &e) && e.Exit != 0 {
		return e.Exit
	}
	return 1
}

// asError gives err the form that travels. The text of an unforeseen error
// reaches the operator, who owns the machine.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		// What was wrapped around it says to what it happened.
		return &Error{Code: e.Code, Message: err.Error(), Exit: e.Exit}
	}
	return &Error{Code: CodeInternal, Message: err.Error()}
}

func httpStatus(code string) int {
	switch code {
	case CodeInvalid, CodeRefused:
		return http.StatusBadRequest
	case CodeNotFound:
		return http.StatusNotFound
	case CodeConflict, CodeFromConfig, CodeConsent, CodeLogin:
		return http.StatusConflict
	case CodeUnavailable:
		return http.StatusServiceUnavailable
	case CodeUnsupported:
		return http.StatusNotImplemented
	case CodeForbidden:
		return http.StatusForbidden
	}
	return http.StatusInternalServerError
}
