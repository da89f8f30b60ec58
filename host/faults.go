package host

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/retry"
)

// fault makes an error of the core, with the status that its code has.
func fault(code, format string, args ...any) *auth.Error {
	return &auth.Error{Code: code, Message: fmt.Sprintf(format, args...), HTTPStatus: auth.StatusOf(code)}
}

// ClientError returns what a client is told of an error of Execute, OpenStream
// or ExecuteStream. Most errors are told as they are. When a provider refused
// the operator's credential (401 and 402, and 403 unless it is about the request),
// the client's own key is not wrong: it gets auth_unavailable, without the
// provider's words but with its hint when to come back. nil stays nil.
// core-decisions.md section 2, row 28.
func ClientError(err error) error {
	if err == nil {
		return nil
	}
	status := retry.StatusOf(err)
	switch status {
	case http.StatusUnauthorized, http.StatusPaymentRequired:
	case http.StatusForbidden:
		if retry.RequestFault(err) {
			return err
		}
	default:
		return err
	}
	told := &refused{told: fault(auth.CodeAuthUnavailable, "the provider refused the credential that was used (status %d); the operator has to look at it", status)}
	if hinted, ok := errors.AsType[executor.RetryAfterError](err); ok {
		told.wait = hinted.RetryAfter()
	}
	return told
}

// refused is an auth.Error with the provider's hint.
type refused struct {
	told *auth.Error
	wait *time.Duration
}

// Error returns the core's words.
func (e *refused) Error() string { return e.told.Error() }

// Unwrap returns the core's error.
func (e *refused) Unwrap() error { return e.told }

// StatusCode implements executor.StatusError.
func (e *refused) StatusCode() int { return e.told.StatusCode() }

// RetryAfter implements executor.RetryAfterError.
func (e *refused) RetryAfter() *time.Duration { return e.wait }
