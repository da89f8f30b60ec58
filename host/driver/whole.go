package driver

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/wire"
)

// wholeAnswer ends an attempt of kind execute.
func (a *attempt) wholeAnswer() (executor.Response, error) {
	if a.stage == stagePass {
		body, more, err := a.answer.readAll(abi.MaxWhole)
		if err != nil {
			return executor.Response{}, a.unanswered(a.answer, err)
		}
		if more {
			return executor.Response{}, tooLarge(abi.MaxWhole)
		}
		if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
			return executor.Response{}, noAnswer(a.answer.resp)
		}
		if a.reply = body; a.unwraps != nil {
			if a.reply, err = a.unwrapWhole(body); err != nil {
				return executor.Response{}, err
			}
		}
	}
	r := executor.Response{Payload: a.reply, Headers: a.shown}
	if a.usage == nil && a.kind != abi.KindCount {
		if u, ok := wire.UsageOf(a.format, a.reply); ok {
			a.usage = &u
		}
	}
	if a.usage != nil {
		r.Metadata = map[string]any{UsageKey: *a.usage}
	}
	a.stage = stageDone
	return r, nil
}

const contentTypeHTML = "text/html"

// noAnswer is a success that cannot be one in any format: an empty body, or the
// page of something that stands before the provider. It fails over.
func noAnswer(resp *http.Response) error {
	kind := mediaType(resp.Header)
	if kind == "" {
		kind = "no content type"
	}
	return &executor.UpstreamError{Status: http.StatusBadGateway, Message: fmt.Sprintf(
		"the provider answered with status %d and %s, which is no answer", resp.StatusCode, tidy(kind))}
}

// checkStream refuses a success that is no stream although the client wants
// one: passed on, it would look like a stream without events. An error object
// under status 200 is an error like another and fails over; a whole answer was
// worked for, so it is committed and blames no credential.
func (a *attempt) checkStream() error {
	if a.kind != abi.KindStream {
		return nil
	}
	resp := a.answer.resp
	switch mediaType(resp.Header) {
	case wire.ContentTypeJSON:
	case contentTypeHTML:
		return noAnswer(resp)
	default:
		return nil
	}
	body, more, err := a.answer.readAll(abi.MaxInspect)
	if err != nil {
		return a.unanswered(a.answer, err)
	}
	a.closeAnswer()
	clean := a.scrubber().bytes(body)
	if more {
		clean = a.scrubber().cut(body)
	}
	e := a.upstreamError(resp, clean)
	e.Status = http.StatusBadGateway
	if facts := wire.ErrorFactsOf(body, a.e.opts.Now()); facts.Message == "" {
		e.Committed, e.RequestScope, e.Body = true, true, nil
		e.Message = fmt.Sprintf("the provider answered a request for a stream with %s", wire.ContentTypeJSON)
	}
	return e
}
