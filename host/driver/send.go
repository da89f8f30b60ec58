package driver

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/wire"
	"github.com/patchbay-dev/patchbay/host/wire/frame"
)

var deliverNames = map[abi.Deliver]string{
	abi.DeliverPass: "pass", abi.DeliverEvents: "events", abi.DeliverWhole: "whole",
}

// checkSend returns the rule that a send breaks, empty when there is none.
func (a *attempt) checkSend(s *abi.Send) string {
	name, built := deliverNames[s.Deliver]
	switch {
	case !a.e.network:
		return "send needs the capability network, which the manifest does not name"
	case !built:
		return "deliver " + s.Deliver.String() + " is not in this build of the host"
	case !slices.Contains(a.e.provider.Deliver, name):
		return "deliver " + name + " is not among those that the manifest names"
	case s.Transport != abi.TransportUnspecified && s.Transport != abi.TransportHTTP:
		return s.Transport.String() + " is not in this build of the host"
	case (s.Unwrap != "" || s.Inspect != 0) && s.Deliver != abi.DeliverPass:
		return "unwrap and inspect go with deliver pass"
	case s.Unwrap != "" && !a.e.requires(abi.FeatureUnwrap):
		return unrequired("unwrap", abi.FeatureUnwrap)
	case s.Inspect != 0 && !a.e.requires(abi.FeatureInspect):
		return unrequired("inspect", abi.FeatureInspect)
	case a.op == abi.OpCancel && s.Deliver != abi.DeliverPass:
		return "nobody waits for the answer to a send of cancel: it has deliver pass"
	case s.Exchange != nil:
		return "an exchange goes with deliver exchange"
	case s.Framing == abi.FramingAWSEventStream:
		return s.Framing.String() + " is not in this build of the host"
	case a.op == abi.OpModels && s.Deliver != abi.DeliverWhole:
		return "models takes whole answers only"
	case a.kind != abi.KindStream && s.Deliver == abi.DeliverEvents:
		return "deliver events makes a stream, and this attempt wants a whole answer"
	}
	return ""
}

// send performs one HTTP exchange up to its headers, and what follows at once
// from them.
func (a *attempt) send(op abi.Op, s *abi.Send) error {
	a.closeAnswer()
	a.letGo()
	if s.Deliver == abi.DeliverExchange {
		return a.exchangeTokens(op, s)
	}
	if rule := a.checkSend(s); rule != "" {
		return a.brokenAt(op, "%s", rule)
	}
	unwraps, err := newUnwrapping(s.Unwrap)
	if err != nil {
		return a.brokenAt(op, "unwrap: %v", err)
	}
	o, err := a.outgoing(s)
	if err != nil {
		return err
	}
	// From here on s may only be used for what was cloned: resume and classify
	// overwrite the guest's output.
	step, onError, deliver, inspect := strings.Clone(s.Step), s.OnError, s.Deliver, int(min(s.Inspect, maxInspected))
	a.step, a.framing, a.unwraps = step, s.Framing, unwraps
	limit := int64(abi.MaxWhole)
	if s.MaxBytes > 0 && s.MaxBytes < abi.MaxWhole {
		limit = int64(s.MaxBytes)
	}
	err = a.exchange(o, a.idle(s.IdleMS))
	if err != nil {
		return a.noAnswer(onError, step, err)
	}
	resp := a.answer.resp
	switch {
	case resp.StatusCode >= 400:
		return a.errorAnswer(onError, step)
	case resp.StatusCode < 200 || resp.StatusCode >= 300:
		return &executor.UpstreamError{Status: http.StatusBadGateway, Message: fmt.Sprintf(
			"the provider answered with status %d; redirects are not followed", resp.StatusCode)}
	}
	a.shown = shownHeaders(resp.Header)
	switch deliver {
	case abi.DeliverPass:
		a.stage = stagePass
		if err := a.checkStream(); err != nil || inspect == 0 {
			return err
		}
		return a.inspect(inspect)
	case abi.DeliverEvents:
		a.stage, a.splitter = stageEvents, a.newSplitter()
		return nil
	}
	return a.whole(step, onError, limit)
}

// outgoing makes the request of a send: interceptors first, then what the
// provider refers to and signs, then what the interceptors do.
func (a *attempt) outgoing(s *abi.Send) (*outgoing, error) {
	request, adds, err := s.Request, additions(nil), error(nil)
	if s.Deliver != abi.DeliverExchange {
		request, adds, err = a.intercepted(request)
	}
	if err != nil {
		return nil, err
	}
	defer adds.release()
	o, err := a.build(request)
	if err != nil {
		return nil, err
	}
	return o, adds.addTo(a, o)
}

// newSplitter cuts the answer as the send says, else by its content type.
func (a *attempt) newSplitter() frame.Splitter {
	if a.framing == abi.FramingNDJSON || a.framing == abi.FramingUnspecified && isNDJSON(a.answer.resp.Header) {
		return &frame.NDJSON{}
	}
	return &frame.SSE{}
}

// idle is the shorter of the host's idle time and the send's.
func (a *attempt) idle(ms uint64) time.Duration {
	if ms == 0 {
		return a.e.opts.IdleTimeout
	}
	return min(milliseconds(ms), a.e.opts.IdleTimeout)
}

// exchange sends the request and leaves the answer, decoded, in a.answer.
func (a *attempt) exchange(o *outgoing, idle time.Duration) error {
	u := newAnswer(a.ctx, idle)
	u.target = o.url.Scheme + "://" + o.url.Host
	resp, err := a.e.opts.Door.Do(u.ctx, a.auth, o.dest, o.request()) //nolint:bodyclose // answer.close does
	u.timer.Stop()
	if err != nil {
		defer u.close()
		return a.silent(o, a.unanswered(u, err))
	}
	u.resp = resp
	if u.body, err = decoded(resp); err != nil {
		u.close()
		return &executor.UpstreamError{Status: http.StatusBadGateway, Message: err.Error()}
	}
	a.answer = u
	return nil
}

// unanswered is the error of a request that got no answer, or only a part of
// one: status 0, which blames no credential. A caller that left gets its own
// error.
func (a *attempt) unanswered(u *answer, err error) error {
	if ended := a.ctx.Err(); ended != nil {
		return ended
	}
	if u.quiet.Load() {
		return &executor.UpstreamError{Message: fmt.Sprintf("the upstream sent nothing for %s", u.idle), Err: u.timeout()}
	}
	// An url.Error repeats the URL, and its query may hold a secret.
	var withURL *url.Error
	if errors.As(err, &withURL) {
		err = withURL.Err
	}
	return &executor.UpstreamError{Message: tidy(a.scrubber().text(err.Error())), Err: err}
}

// silent names the host in the error of an upstream that sent nothing, unless our
// own rules, or a proxy or transport of the credential's own, may be why.
func (a *attempt) silent(o *outgoing, err error) error {
	upstream, ok := err.(*executor.UpstreamError) //nolint:errorlint // unanswered made it
	if !ok || a.auth.ProxyURL != "" || executor.RoundTripper(a.ctx) != nil {
		return err
	}
	if door, ok := errors.AsType[*egress.Error](err); !ok || door.Reason != egress.Refused {
		upstream.Host = o.url.Host
	}
	return upstream
}

// noAnswer tells the guest of a send that failed when it asked for that.
func (a *attempt) noAnswer(onError abi.OnError, step string, err error) error {
	var upstream *executor.UpstreamError
	if onError != abi.OnErrorResume || !errors.As(err, &upstream) || upstream.Status != 0 {
		return err
	}
	return a.resume(step, &abi.ResumeInput{Which: abi.ResumeInputIsFailure, Failure: &abi.Fail{
		Code: codeTransient, Message: upstream.Message, Retryable: true, Scope: abi.ScopeProvider,
	}})
}

// whole reads the complete answer for the guest.
func (a *attempt) whole(step string, onError abi.OnError, limit int64) error {
	body, more, err := a.answer.readAll(limit)
	if err != nil {
		err = a.unanswered(a.answer, err)
		a.closeAnswer()
		return a.noAnswer(onError, step, err)
	}
	if more {
		return tooLarge(limit)
	}
	return a.resumeWith(step, body, false)
}

func (a *attempt) resumeWith(step string, body []byte, truncated bool) error {
	resp := a.answer.resp
	a.closeAnswer()
	return a.resume(step, &abi.ResumeInput{Which: abi.ResumeInputIsResponse, Response: &abi.Response{
		Status: uint32(resp.StatusCode), Headers: a.pairs(shownHeaders(resp.Header)),
		Body: a.scrubber().bytes(body), Truncated: truncated,
	}})
}

// tooLarge is an answer that passed its cap. The provider did its work, and any
// credential of it would do the same again.
func tooLarge(limit int64) error {
	return &executor.UpstreamError{Status: http.StatusBadGateway, Committed: true, RequestScope: true,
		Message: fmt.Sprintf("the provider's answer is longer than %d bytes", limit)}
}

// errorAnswer handles a status of 400 or more: the guest sees it when it asked
// for that, else the host says what it is.
func (a *attempt) errorAnswer(onError abi.OnError, step string) error {
	// An error whose body breaks off is still that error.
	body, more, broken := a.answer.readAll(abi.MaxInspect)
	if err := a.ctx.Err(); err != nil {
		return err
	}
	if body = a.scrubber().bytes(body); more || broken != nil {
		body = a.scrubber().cut(body)
	}
	resp := a.answer.resp
	a.spoiled(resp.StatusCode)
	if onError == abi.OnErrorResume {
		return a.resumeWith(step, body, more)
	}
	a.upstream = a.upstreamError(resp, body)
	a.closeAnswer()
	if onError != abi.OnErrorClassify {
		return a.upstream
	}
	return a.ask(abi.OpClassify, &abi.ClassifyInput{
		Op: a.op, Step: step, State: a.state, Attempt: a.fresh(),
		Response: &abi.Response{
			Status: uint32(resp.StatusCode), Headers: a.pairs(shownHeaders(resp.Header)), Body: body, Truncated: more,
		},
	})
}

// upstreamError is the host's own reading of an error answer: its status, its
// message, its hint. What follows from them is for the core to decide.
func (a *attempt) upstreamError(resp *http.Response, body []byte) *executor.UpstreamError {
	now := a.e.opts.Now()
	facts := wire.ErrorFactsOf(body, now)
	e := &executor.UpstreamError{
		Status: resp.StatusCode, Message: tidy(facts.Message), Body: body,
		ContentType: resp.Header.Get("Content-Type"),
	}
	e.Retry, e.RetrySource = retryHint(resp.StatusCode, resp.Header, facts.Retry, now)
	if facts.Code == "insufficient_quota" || facts.Type == "insufficient_quota" {
		// It comes as 429, but waiting does not help.
		e.Code = "billing"
	}
	if e.Message == "" {
		e.Message = http.StatusText(resp.StatusCode)
	}
	return e
}

func isNDJSON(h http.Header) bool {
	switch mediaType(h) {
	case wire.ContentTypeNDJSON, "application/ndjson", "application/jsonl", "application/json-lines":
		return true
	}
	return false
}

// mediaType is the content type without parameters, in lower case.
func mediaType(h http.Header) string {
	t, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(t))
}
