package driver

import (
	"net/http"
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// code is what an error code of the registry in abi/SPEC.md means where the
// guest does not say more.
type code struct {
	status int
	scope  abi.Scope
}

// codes is the registry. A code that is not in it means transient.
var codes = map[string]code{
	"auth_invalid":    {http.StatusUnauthorized, abi.ScopeCredential},
	"billing":         {http.StatusPaymentRequired, abi.ScopeCredential},
	"rate_limited":    {http.StatusTooManyRequests, abi.ScopeModel},
	"overloaded":      {529, abi.ScopeModel},
	"bad_request":     {http.StatusBadRequest, abi.ScopeRequest},
	"context_length":  {http.StatusBadRequest, abi.ScopeRequest},
	"content_filter":  {http.StatusBadRequest, abi.ScopeRequest},
	"model_not_found": {http.StatusNotFound, abi.ScopeModel},
	"unsupported":     {http.StatusNotImplemented, abi.ScopeRequest},
	codeTransient:     {http.StatusServiceUnavailable, abi.ScopeModel},
	codeStreamBroken:  {http.StatusBadGateway, abi.ScopeModel},
}

const (
	codeTransient    = "transient"
	codeStreamBroken = "stream_broken"
)

// maxMessage is how long a message may be, in bytes.
const maxMessage = 1 << 10

// failure turns a guest's fail into the error that the core judges. Upstream
// is the error that the guest classified, nil when there was none: what the
// guest leaves out is taken from it.
//
// Fail.retryable is not used: whether another attempt makes sense is the
// core's decision, from status, scope and committed.
func failure(f *abi.Fail, upstream *executor.UpstreamError, clean func(string) string, now time.Time) *executor.UpstreamError {
	c, known := codes[f.Code]
	name := strings.Clone(f.Code)
	if !known {
		name, c = codeTransient, codes[codeTransient]
	}
	out := &executor.UpstreamError{Status: c.status, Code: name, Committed: f.Committed, Message: tidy(clean(strings.Clone(f.Message)))}
	if upstream != nil {
		out.Status, out.Body, out.ContentType, out.Retry = upstream.Status, upstream.Body, upstream.ContentType, upstream.Retry
		out.RetrySource = upstream.RetrySource
		if out.Message == "" {
			out.Message = upstream.Message
		}
	}
	if f.HTTPStatus >= 400 && f.HTTPStatus <= 599 {
		out.Status = int(f.HTTPStatus)
	}
	scope := f.Scope
	if scope == abi.ScopeUnspecified {
		scope = c.scope
	}
	out.RequestScope = scope == abi.ScopeRequest
	out.CredentialScope = scope == abi.ScopeCredential
	switch {
	case f.RetryAfterMS > 0:
		out.Retry, out.RetrySource = hint(milliseconds(f.RetryAfterMS)), executor.HintPlugin
	case f.ResetAtMS > 0:
		out.Retry, out.RetrySource = hint(time.UnixMilli(f.ResetAtMS).Sub(now)), executor.HintPlugin
	}
	return out
}

// milliseconds makes a duration, the longest hint for more than fits.
func milliseconds(ms uint64) time.Duration {
	if ms > uint64(maxHint/time.Millisecond) {
		return maxHint
	}
	return time.Duration(ms) * time.Millisecond
}

// tidy makes a message one printable line of bounded length.
func tidy(s string) string {
	if len(s) > maxMessage {
		s = s[:maxMessage]
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "")))
}
