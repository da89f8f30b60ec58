package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// errShutdown is the cause with which a request ends that outlived the grace.
var errShutdown = errors.New("the server is shutting down")

// errTimeout is the cause with which a request ends that took too long.
var errTimeout = errors.New("the request took longer than it may")

// verbatim are the statuses of a provider that are about the request, and so
// for the client. core-decisions.md section 2, row 28.
var verbatim = []int{
	http.StatusBadRequest, http.StatusNotFound, http.StatusConflict,
	http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity,
}

// oneSecond is what a client is told to wait when nobody knows better.
var oneSecond = time.Second

// describe says what a client is told of err. cause is why the request's
// context ended, nil while it has not: an error that comes after that is a
// consequence of it. With passthrough a provider's refusal of the credential is
// told as it is. Pure.
func describe(err, cause error, passthrough bool) *problem {
	p := describeCause(cause)
	if p == nil && passthrough {
		p = describeError(err)
	} else if p == nil {
		p = describeError(host.ClientError(err))
	}
	p.cause = err
	return p
}

func describeCause(cause error) *problem {
	switch {
	case cause == nil:
		return nil
	case errors.Is(cause, errShutdown):
		return &problem{status: http.StatusServiceUnavailable, code: codeShutdown, message: "The server is shutting down. Try again.", retryAfter: &oneSecond, close: true}
	case errors.Is(cause, errTimeout):
		return &problem{status: http.StatusGatewayTimeout, code: codeTimeout, message: "The request took longer than this server allows."}
	}
	return &problem{status: statusClientGone, code: codeClientGone}
}

func describeError(err error) *problem {
	var upstream *executor.UpstreamError
	if errors.As(err, &upstream) {
		return describeUpstream(upstream)
	}
	var cooling *auth.CooldownError
	if errors.As(err, &cooling) {
		return &problem{status: cooling.StatusCode(), code: auth.CodeModelCooldown, message: cooling.Message(), retryAfter: cooling.RetryAfter()}
	}
	var core *auth.Error
	if errors.As(err, &core) {
		return describeCore(core, retryAfterOf(err))
	}
	var status executor.StatusError
	if errors.As(err, &status) && status.StatusCode() != 0 {
		return describeStatus(status.StatusCode(), retryAfterOf(err))
	}
	if isTimeout(err) {
		return upstreamSlow()
	}
	return &problem{status: http.StatusInternalServerError, code: codeInternal, message: messageInternal}
}

// describeCore is about what the core decided. Its messages hold no secret,
// but those about credentials are the operator's business.
func describeCore(e *auth.Error, retry *time.Duration) *problem {
	status := auth.StatusOf(e.Code)
	if status == 0 {
		if e.HTTPStatus == 0 {
			return &problem{status: http.StatusInternalServerError, code: codeInternal, message: messageInternal}
		}
		p := describeStatus(auth.CountsAs(e.HTTPStatus, e.Code), retry)
		if e.Code == auth.CodePlugin { // blaming the provider would mislead
			p.code, p.message = e.Code, e.Message
		}
		return p
	}
	p := &problem{status: status, code: e.Code, message: e.Message, retryAfter: retry}
	switch e.Code {
	case auth.CodeProviderNotFound, auth.CodeModelNotFound:
		p.code, p.kind, p.message = codeModelNotFound, typeInvalidRequest, "No credential of this server offers the model."
	case auth.CodeAuthNotFound, auth.CodeAuthUnavailable, auth.CodeExecutorNotFound, auth.CodeNeedsLogin:
		unavailable := noCredential(retry)
		unavailable.code = e.Code
		return unavailable
	case auth.CodeModelCooldown:
		if p.retryAfter == nil {
			p.retryAfter = &oneSecond
		}
	}
	return p
}

// describeUpstream is about what the provider did. What it counts as decides,
// since providers dress a wrong key as a bad request.
func describeUpstream(e *executor.UpstreamError) *problem {
	status := auth.CountsAs(e.Status, e.Code)
	text := e.Message
	if len(e.Body) > 0 {
		text = string(e.Body)
	}
	// Work that was done and cannot be used is held against nobody, yet it is
	// the provider's, and no fault of the request.
	spoiled := e.Committed && e.Status >= http.StatusInternalServerError
	aboutRequest := e.RequestScope && !spoiled || auth.FaultOf(e.Status, e.Code, text) == auth.FaultRequest
	switch status {
	case http.StatusTooManyRequests:
		aboutRequest = false
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden:
		aboutRequest = true // otherwise host.ClientError has left nothing of it
	default:
		aboutRequest = aboutRequest || slices.Contains(verbatim, status)
	}
	if aboutRequest {
		return requestFault(e, status)
	}
	if status == 0 && (isTimeout(e.Err) || e.Code == codeTimeout) {
		return upstreamSlow()
	}
	p := describeStatus(status, e.Retry)
	if (status == http.StatusTooManyRequests || spoiled) && e.Message != "" {
		p.message = e.Message
	}
	return p
}

// requestFault gives the provider's answer to the client as it is, or, when it
// is not JSON, what it says in a form that is.
func requestFault(e *executor.UpstreamError, status int) *problem {
	if status < 400 || status > 499 {
		status = http.StatusBadRequest
	}
	code := e.Code
	if code == "" {
		code = codeUpstream
	}
	message := e.Message
	if message == "" {
		message = fmt.Sprintf("The provider refused the request with status %d.", status)
	}
	p := &problem{status: status, code: code, kind: typeInvalidRequest, message: message, retryAfter: e.Retry}
	if e.Status >= http.StatusBadRequest {
		p.body = jsonObject(e.Body)
	}
	return p
}

// describeStatus is about a provider's status when it is no fault of the
// request.
func describeStatus(status int, retry *time.Duration) *problem {
	switch status {
	case http.StatusTooManyRequests:
		if retry == nil {
			retry = &oneSecond
		}
		return &problem{status: status, code: codeRateLimited, message: "The provider's rate limit is reached. Try again later.", retryAfter: retry}
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden:
		p := noCredential(retry)
		p.code = auth.CodeAuthUnavailable
		return p
	case http.StatusServiceUnavailable, 529:
		return &problem{status: http.StatusServiceUnavailable, code: codeUpstreamBusy, message: "The provider is overloaded. Try again later.", retryAfter: retry}
	case http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return upstreamSlow()
	case http.StatusNotImplemented:
		return &problem{status: status, code: auth.CodeNotSupported, kind: typeInvalidRequest, message: "The provider does not support this."}
	case 0:
		return &problem{status: http.StatusBadGateway, code: codeUpstream, message: "The provider could not be reached, or broke off."}
	}
	if slices.Contains(verbatim, status) {
		return badStatus(status)
	}
	return &problem{status: http.StatusBadGateway, code: codeUpstream, message: fmt.Sprintf("The provider failed with status %d.", status), retryAfter: retry}
}

func badStatus(status int) *problem {
	return &problem{status: status, code: codeUpstream, kind: typeInvalidRequest, message: fmt.Sprintf("The provider refused the request with status %d.", status)}
}

func upstreamSlow() *problem {
	return &problem{status: http.StatusGatewayTimeout, code: codeUpstreamSlow, message: "The provider did not answer in time."}
}

func noCredential(retry *time.Duration) *problem {
	return &problem{status: http.StatusServiceUnavailable, message: "No credential of this server can serve the model at the moment.", retryAfter: retry}
}

func retryAfterOf(err error) *time.Duration {
	var r executor.RetryAfterError
	if errors.As(err, &r) {
		return r.RetryAfter()
	}
	return nil
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
