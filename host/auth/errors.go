package auth

import "net/http"

// Codes of the errors that the core makes (core.md 1.4). The list is closed;
// StatusOf gives their HTTP status.
const (
	CodeProviderNotFound = "provider_not_found"
	CodeAuthNotFound     = "auth_not_found"
	CodeAuthUnavailable  = "auth_unavailable"
	CodeExecutorNotFound = "executor_not_found"
	CodeEmptyStream      = "empty_stream"
	CodeNotSupported     = "not_supported"
	CodeInvalidRequest   = "invalid_request"
	CodeModelCooldown    = "model_cooldown"
	CodeModelNotFound    = "model_not_found"
	CodeNeedsLogin       = "needs_login"
)

// CodePlugin is the code of an error of which a plugin is guilty, and neither
// the provider nor a credential. Its HTTPStatus says how: 502, 503 or 504. Its
// message is for the client.
const CodePlugin = "plugin_error"

// Error returns "code: message", or the message alone.
func (e *Error) Error() string {
	if e == nil {
		return "<nil>"
	}
	if e.Code == "" {
		return e.Message
	}
	return e.Code + ": " + e.Message
}

// StatusCode returns the HTTP status, 0 for nil or none.
func (e *Error) StatusCode() int {
	if e == nil {
		return 0
	}
	return e.HTTPStatus
}

// StatusOf returns the HTTP status that a client gets for a code of the core,
// 0 for an unknown code. core-decisions.md section 2, row 27.
func StatusOf(code string) int {
	switch code {
	case CodeProviderNotFound, CodeModelNotFound:
		return http.StatusNotFound
	case CodeAuthNotFound, CodeAuthUnavailable, CodeExecutorNotFound, CodeNeedsLogin:
		return http.StatusServiceUnavailable
	case CodeModelCooldown:
		return http.StatusTooManyRequests
	case CodeEmptyStream:
		return http.StatusBadGateway
	case CodeNotSupported:
		return http.StatusNotImplemented
	case CodeInvalidRequest:
		return http.StatusBadRequest
	}
	return 0
}
