package driver

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/wire/frame"
)

// maxInspected is how many events of a stream a guest can ask to see first.
const maxInspected = 1 << 10

// inspect shows the guest the beginning of an answer before the client gets any
// of it. What was read is put back, for the client.
func (a *attempt) inspect(n int) error {
	if a.kind == abi.KindStream {
		return a.inspectEvents(n)
	}
	return a.inspectWhole()
}

// inspectEvents shows the first events of a stream, in one call: n of them, or
// as many as come within abi.MaxInspect bytes and abi.MaxHoldTime.
func (a *attempt) inspectEvents(n int) error {
	until, splitter := time.Now().Add(abi.MaxHoldTime), a.newSplitter()
	buf := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(buf)
	var head []byte
	var events []abi.Event
	eof := abi.EOFNone
	for eof == abi.EOFNone && len(events) < n && len(head) < abi.MaxInspect {
		k, err := a.answer.readFor(buf[:], time.Until(until))
		head = append(head, buf[:k]...)
		splitter.Feed(buf[:k])
		for len(events) < n {
			ev, ok, bad := splitter.Next()
			if bad != nil {
				return badEvent(bad)
			}
			if !ok {
				break
			}
			events = append(events, a.seen(ev))
		}
		if errors.Is(err, errLater) {
			break
		}
		if err == nil {
			continue
		}
		if ended := a.ctx.Err(); ended != nil {
			return ended
		}
		a.answer.end = err
		if eof = eofOf(err); eof == abi.EOFClean && len(events) < n {
			if ev, ok, _ := splitter.End(); ok {
				events = append(events, a.seen(ev))
			}
		}
	}
	if len(events) == n {
		eof = abi.EOFNone // whether the end came together with them is chance
	}
	a.answer.head = head
	a.inspecting = true
	defer func() { a.inspecting = false }()
	return a.ask(abi.OpEvents, &abi.EventsInput{Op: a.op, Step: a.step, State: a.state, Events: events, EOF: eof})
}

// seen is an event as an inspection shows it; it outlives the splitter's buffer.
func (a *attempt) seen(ev frame.Event) abi.Event {
	out := a.event(ev)
	out.Data = bytes.Clone(out.Data)
	return out
}

// inspectWhole shows a whole answer, or its first abi.MaxInspect bytes.
func (a *attempt) inspectWhole() error {
	u := a.answer
	body, err := io.ReadAll(io.LimitReader(u, abi.MaxInspect+1))
	if err != nil {
		return a.unanswered(u, err)
	}
	u.head = body
	if len(body) <= abi.MaxInspect {
		u.end = io.EOF
	}
	shown, more := a.scrubber().bytes(body), len(body) > abi.MaxInspect
	if more {
		shown = a.scrubber().cut(body[:abi.MaxInspect])
	}
	a.inspecting = true
	defer func() { a.inspecting = false }()
	return a.resume(a.step, &abi.ResumeInput{Which: abi.ResumeInputIsResponse, Response: &abi.Response{
		Status: uint32(u.resp.StatusCode), Headers: a.pairs(shownHeaders(u.resp.Header)),
		Body: shown, Truncated: more,
	}})
}

// badEvent is a stream that cannot be cut any further.
func badEvent(err error) error {
	return &executor.UpstreamError{Status: http.StatusBadGateway, Message: err.Error(), Err: err}
}
