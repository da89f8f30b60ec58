package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/patchbay-dev/patchbay/host/wire"
)

// Codes of the errors that the gateway makes itself; those of the core are in
// host/auth.
const (
	codeInvalidKey     = "invalid_api_key"
	codeTooManyGuesses = "too_many_wrong_keys"
	codeUnknownURL     = "unknown_url"
	codeMethod         = "method_not_allowed"
	codeBadRequest     = "invalid_request"
	codeInvalidJSON    = "invalid_json"
	codeTooLarge       = "request_too_large"
	codeEncoding       = "unsupported_content_encoding"
	codeBodySlow       = "request_timeout"
	codeModelNotFound  = "model_not_found"
	codeRateLimited    = "rate_limit_exceeded"
	codeUpstream       = "upstream_error"
	codeUpstreamSlow   = "upstream_timeout"
	codeUpstreamBusy   = "upstream_overloaded"
	codeTimeout        = "timeout"
	codeShutdown       = "server_shutting_down"
	codeInternal       = "internal_error"
	codeClientGone     = "client_closed_request"
	codeClientSlow     = "client_too_slow"
	messageInternal    = "The server failed to handle the request. Its operator finds more under the request id."
	statusClientGone   = 499 // never sent; what the log says when the client left first
	typeInvalidRequest = "invalid_request_error"
	typeServer         = "server_error"
)

// problem is why a request fails, as the client is to be told.
type problem struct {
	status  int
	code    string
	kind    string // the format's type of error; empty means the status's
	message string
	param   string
	// retryAfter is told in whole seconds, rounded up.
	retryAfter *time.Duration
	// body is the provider's own answer, a JSON text, given to the client as
	// it is.
	body []byte
	// close: what is left of the request is not worth reading.
	close bool
	// header holds further headers.
	header map[string]string
	// cause is for the log.
	cause error
}

func (p *problem) apiError(requestID string) wire.APIError {
	return wire.APIError{Status: p.status, Type: p.kind, Code: p.code, Message: p.message, Param: p.param, RequestID: requestID}
}

// describe says what the client of the exchange is told of err.
func (x *exchange) describe(ctx context.Context, err error) *problem {
	return describe(err, context.Cause(ctx), x.limits.PassthroughErrors)
}

// fail answers with p, in whatever form is still possible: a whole error
// before the first byte, an event in a stream, nothing to a client that left.
func (x *exchange) fail(p *problem) {
	if x.code == "" {
		x.code, x.cause = p.code, p.cause
	}
	switch {
	case p.status == statusClientGone || x.broken:
		return
	case x.events != nil:
		x.events.fail(p.apiError(x.id))
		return
	case x.status != 0:
		return
	}
	header := x.Header()
	for k, v := range p.header {
		header.Set(k, v)
	}
	if p.retryAfter != nil {
		header.Set("Retry-After", strconv.FormatInt(wholeSeconds(*p.retryAfter), 10))
	}
	if p.close {
		header.Set("Connection", "close")
	}
	if p.body != nil {
		x.writeWhole(p.status, wire.ContentTypeJSON, p.body)
		return
	}
	x.writeWhole(p.status, wire.ContentTypeJSON, wire.ErrorBody(x.format, p.apiError(x.id)))
}

// wholeSeconds rounds up, and never says "now" to somebody who is to wait.
func wholeSeconds(d time.Duration) int64 {
	return max(int64((d+time.Second-1)/time.Second), 1)
}

// jsonObject returns body if it is one JSON object, else nil.
func jsonObject(body []byte) []byte {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' || !json.Valid(body) {
		return nil
	}
	return body
}

func badRequest(code, param, message string) *problem {
	return &problem{status: http.StatusBadRequest, code: code, kind: typeInvalidRequest, param: param, message: message}
}
