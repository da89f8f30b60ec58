package driver

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/wire"
	"github.com/patchbay-dev/patchbay/host/wire/frame"
)

// Where an error is in an event, and in the error its status, if it names one.
var (
	errorMember = mustPath("error")
	errorStatus = []wire.Path{mustPath("code"), mustPath("status")}
)

func mustPath(text string) wire.Path {
	p, err := wire.ParsePath(text)
	if err != nil { // it is written above
		panic(err)
	}
	return p
}

// unwrapping takes one member out of each event, or out of a whole answer, so
// that a provider that puts an envelope around its answers costs no guest call.
type unwrapping struct {
	path  wire.Path
	text  string
	taken bool // at least one event had the member
}

// newUnwrapping is nil without a path.
func newUnwrapping(path string) (*unwrapping, error) {
	if path == "" {
		return nil, nil
	}
	p, err := wire.ParsePath(path)
	if err != nil {
		return nil, err
	}
	return &unwrapping{path: p, text: strings.Clone(path)}, nil
}

// unwrap gives the member of one event to the client. An event that is an
// error instead ends the stream; others without the member are the envelope's
// own business, such as a sign of life.
func (a *attempt) unwrap(ev frame.Event) error {
	if member, ok := wire.Member(ev.Data, a.unwraps.path); ok {
		a.unwraps.taken = true
		a.out = wire.AppendEvent(a.out, a.format, member)
		return nil
	}
	return a.errorInside(ev.Data)
}

// unwrapEnd is a clean end of the envelopes: the host writes what ends a stream
// in the client's format.
func (a *attempt) unwrapEnd() error {
	if !a.unwraps.taken {
		return a.notWrapped("no event of the stream has")
	}
	a.out = append(a.out, wire.StreamDone(a.format)...)
	return nil
}

// unwrapWhole returns the member of a whole answer.
func (a *attempt) unwrapWhole(body []byte) ([]byte, error) {
	if member, ok := wire.Member(body, a.unwraps.path); ok {
		return member, nil
	}
	if err := a.errorInside(body); err != nil {
		return nil, err
	}
	return nil, a.notWrapped("the answer does not have")
}

func (a *attempt) notWrapped(who string) error {
	return &executor.UpstreamError{Status: http.StatusBadGateway, Message: fmt.Sprintf("%s the member %s, which is what the client is to get", who, tidy(a.unwraps.text))}
}

// errorInside is the error that an answer of status 200 holds in place of what
// it should, nil when it holds none.
func (a *attempt) errorInside(data []byte) error {
	member, ok := wire.Member(data, errorMember)
	if !ok || len(data) > abi.MaxInspect {
		return nil
	}
	e := a.upstreamError(a.answer.resp, a.scrubber().bytes(data))
	e.Status = http.StatusBadGateway
	for _, path := range errorStatus {
		text, _ := wire.Member(member, path)
		if status, err := strconv.Atoi(string(text)); err == nil && status >= 400 && status <= 599 {
			e.Status = status
			break
		}
	}
	return e
}
