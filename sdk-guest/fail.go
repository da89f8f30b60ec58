package guest

import (
	"strconv"

	"github.com/patchbay-dev/patchbay/abi"
)

// Codes of Fail, the registry of the contract (SPEC.md section 7). The host
// takes a code that it does not know as CodeTransient.
const (
	// CodeAuthInvalid: the credential is not accepted.
	CodeAuthInvalid = "auth_invalid"
	// CodeBilling: there is nothing left to pay with.
	CodeBilling = "billing"
	// CodeRateLimited: too much at once; RetryAfterMS or ResetAtMS says until
	// when.
	CodeRateLimited = "rate_limited"
	// CodeOverloaded: the provider is busy.
	CodeOverloaded = "overloaded"
	// CodeBadRequest: the request is at fault.
	CodeBadRequest = "bad_request"
	// CodeContextLength: the prompt is too long.
	CodeContextLength = "context_length"
	// CodeContentFilter: the content is refused.
	CodeContentFilter = "content_filter"
	// CodeModelNotFound: the provider does not have this model.
	CodeModelNotFound = "model_not_found"
	// CodeUnsupported: the provider can not do this.
	CodeUnsupported = "unsupported"
	// CodeTransient: try again, perhaps elsewhere.
	CodeTransient = "transient"
	// CodeStreamBroken: the stream ended before its end.
	CodeStreamBroken = "stream_broken"
)

// FailUpstream fails the attempt with what the upstream's answer says by its
// status and its Retry-After, or with the failure when there was no answer.
// The message is the one in the body, where errors usually have it.
func (r *Request) FailUpstream() Answer {
	switch {
	case r.Failure != nil:
		return failed(r.Failure)
	case r.Response.Status == 0:
		return r.Fail(Fail{Code: CodeTransient, Message: "the upstream gave no answer", Retryable: true})
	case r.Response.Status < 400:
		return r.Fail(Fail{Code: CodeTransient, Message: "the upstream's answer was not what was asked for", Retryable: true})
	}
	code, scope := byStatus(r.Response.Status)
	return r.Fail(Fail{
		Code:         code,
		Message:      r.errorMessage(),
		HTTPStatus:   uint32(r.Response.Status),
		Retryable:    scope != abi.ScopeRequest,
		RetryAfterMS: r.retryAfter(),
		Scope:        scope,
	})
}

func byStatus(status int) (code string, scope abi.Scope) {
	switch status {
	case 401, 403:
		return CodeAuthInvalid, abi.ScopeCredential
	case 402:
		return CodeBilling, abi.ScopeCredential
	case 404:
		return CodeModelNotFound, abi.ScopeModel
	case 429:
		return CodeRateLimited, abi.ScopeModel
	case 408, 409, 425:
		return CodeTransient, abi.ScopeModel
	case 503, 529:
		return CodeOverloaded, abi.ScopeModel
	}
	if status < 500 {
		return CodeBadRequest, abi.ScopeRequest
	}
	return CodeTransient, abi.ScopeModel
}

// maxMessage bounds what a guest repeats of an upstream's error, in bytes.
const maxMessage = 1024

func (r *Request) errorMessage() string {
	for _, path := range [][]string{{"error", "message"}, {"message"}, {"error"}, {"detail"}} {
		if message := r.Response.JSON(path...).Text(); message != "" {
			return truncate(message, maxMessage)
		}
	}
	return "the upstream answered with status " + strconv.Itoa(r.Response.Status)
}

// retryAfter reads the waits that are a number of seconds or milliseconds. A
// date is left to the host, which knows the upstream's clock.
func (r *Request) retryAfter() uint64 {
	if ms, err := strconv.ParseUint(r.Response.Header("Retry-After-Ms"), 10, 32); err == nil {
		return ms
	}
	if s, err := strconv.ParseUint(r.Response.Header("Retry-After"), 10, 32); err == nil {
		return s * 1000
	}
	return 0
}
