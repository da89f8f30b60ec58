package retry

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// maxMessage bounds what a state remembers of an error, in bytes.
const maxMessage = 512

// ResultOf turns the error of an attempt into what a Result holds of it: the
// error without its body, the provider's hint, and whether it is about every
// model. All are found anywhere in the chain. What the body alone tells is kept
// in the error's code, so that a later look at the record sees it too.
func ResultOf(err error) (e *auth.Error, retryAfter *time.Duration, credentialScope bool) {
	if err == nil {
		return nil, nil, false
	}
	code, text := codeAndText(err)
	e = &auth.Error{Code: code, Message: messageOf(err, text), HTTPStatus: StatusOf(err)}
	e.Retryable = Failover(err) && passing(e.HTTPStatus)
	ruled, isRuled := errors.AsType[*Ruled](err)
	switch {
	case isRuled && ruled.Cool:
		e.Code = auth.CodeForceCooldown
	case isRuled:
		e.Code = auth.CodeRequestScoped
		return e, nil, false
	case RequestFault(err):
		e.Code = auth.CodeRequestScoped
	case Lifecycle(err):
		e.Code = auth.CodeConnectionLifecycle
	default:
		switch fault(err) {
		case auth.FaultModel:
			e.Code = auth.CodeModelNotSupported
		case auth.FaultGrant:
			e.Code = auth.CodeInvalidGrant
		}
	}
	if hinted, ok := errors.AsType[executor.RetryAfterError](err); ok && hinted.RetryAfter() != nil {
		d := *hinted.RetryAfter()
		retryAfter = &d
	}
	return e, retryAfter, credentialScoped(err)
}

// HintSource says where the hint in err was found, see executor.UpstreamError;
// empty when that is unknown.
func HintSource(err error) auth.Source {
	if upstream, ok := errors.AsType[*executor.UpstreamError](err); ok {
		return auth.Source(upstream.RetrySource)
	}
	return ""
}

// messageOf returns a short message. A URL in the error stays out of it, since
// a query may hold a key.
func messageOf(err error, text string) string {
	if upstream, ok := errors.AsType[*executor.UpstreamError](err); ok {
		if upstream.Message != "" {
			return shorten(upstream.Message)
		}
		if m := bodyMessage(text); m != "" {
			return shorten(m)
		}
	}
	if dial, ok := errors.AsType[*url.Error](err); ok {
		return shorten(dial.Op + ": " + dial.Err.Error())
	}
	if own, ok := errors.AsType[*auth.Error](err); ok {
		return shorten(own.Message)
	}
	return shorten(err.Error())
}

// bodyMessage returns the message that JSON error bodies carry.
func bodyMessage(text string) string {
	var body struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
	}
	if json.Unmarshal([]byte(text), &body) != nil {
		return ""
	}
	var inner struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body.Error, &inner) == nil && inner.Message != "" {
		return inner.Message
	}
	var word string
	if json.Unmarshal(body.Error, &word) == nil && body.Message == "" {
		return word
	}
	return body.Message
}

func shorten(s string) string {
	s = strings.TrimSpace(s)
	if len(s) <= maxMessage {
		return s
	}
	s = strings.ToValidUTF8(s[:maxMessage], "") // drops a rune that was cut
	return s + "…"
}
