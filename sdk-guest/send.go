package guest

import (
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
)

// Send is a request for the host to send. Its methods add to it and return it;
// Pass, Events, Whole and OpenAIModels end the call with it.
type Send struct {
	call *call
	send abi.Send
	req  abi.Request
	url  abi.Url
}

// Get is a GET request; see Request.
func (c *call) Get(base string, segments ...string) *Send {
	return c.Request("GET", base, segments...)
}

// Post is a POST request; see Request.
func (c *call) Post(base string, segments ...string) *Send {
	return c.Request("POST", base, segments...)
}

// Request is a request to base with further path segments, which the host
// escapes. Base is the name of the credential's destination field that holds
// the URL, or a fixed scheme and host such as https://api.example.com.
func (c *call) Request(method, base string, segments ...string) *Send {
	s := &Send{call: c}
	s.req.Method, s.req.URL = method, &s.url
	if scheme, host, fixed := strings.Cut(base, "://"); fixed {
		s.url.Scheme, s.url.Host = scheme, host
	} else {
		s.url.Base = base
	}
	s.url.Segments = make([]abi.Value, 0, len(segments))
	for _, segment := range segments {
		s.Segment(Text(segment))
	}
	return s
}

// Segment adds a path segment made of parts.
func (s *Send) Segment(parts ...Part) *Send {
	s.url.Segments = append(s.url.Segments, abi.Value{Parts: parts})
	return s
}

// Query adds a query pair.
func (s *Send) Query(name, value string) *Send { return s.QueryParts(name, Text(value)) }

// QueryParts adds a query pair whose value is made of parts.
func (s *Send) QueryParts(name string, parts ...Part) *Send {
	s.url.Query = append(s.url.Query, abi.NamedValue{Name: name, Parts: parts})
	return s
}

// Header adds a header.
func (s *Send) Header(name, value string) *Send { return s.HeaderParts(name, Text(value)) }

// HeaderParts adds a header whose value is made of parts.
func (s *Send) HeaderParts(name string, parts ...Part) *Send {
	s.req.Headers = append(s.req.Headers, abi.NamedValue{Name: name, Parts: parts})
	return s
}

// Bearer adds the header Authorization with a secret field of the credential
// as its token.
func (s *Send) Bearer(field string) *Send {
	return s.HeaderParts("Authorization", Text("Bearer "), Secret(field))
}

// ClientBody makes the client's body, with edits, the request's body. The host
// writes the model's name into it.
func (s *Send) ClientBody(edits ...Edit) *Send {
	return s.json(abi.BodyPart{Which: abi.BodyPartIsClientBody, ClientBody: &abi.ClientBody{Edits: edits}})
}

// JSON makes a JSON text the request's body.
func (s *Send) JSON(text []byte) *Send {
	return s.json(abi.BodyPart{Which: abi.BodyPartIsLiteral, Literal: text})
}

func (s *Send) json(part abi.BodyPart) *Send {
	return s.Header("Content-Type", "application/json").Body(part)
}

// Body adds a part to the request's body, without a Content-Type.
func (s *Send) Body(part abi.BodyPart) *Send {
	s.req.Body = append(s.req.Body, part)
	return s
}

// Classify lets Provider.Classify say what an answer with a status of 400 or
// more means. Else the host goes by the status.
func (s *Send) Classify() *Send {
	s.send.OnError = abi.OnErrorClassify
	return s
}

// ResumeOnError gives also an answer with a status of 400 or more to the step
// of Whole.
func (s *Send) ResumeOnError() *Send {
	s.send.OnError = abi.OnErrorResume
	return s
}

// Idle ends the answer when nothing comes for so long, in whole milliseconds.
func (s *Send) Idle(d time.Duration) *Send {
	s.send.IdleMS = uint64(max(d, 0).Milliseconds())
	return s
}

// MaxBytes bounds the answer that Whole takes; the default is the host's.
func (s *Send) MaxBytes(n int) *Send {
	s.send.MaxBytes = uint64(max(n, 0))
	return s
}

// Step labels the send: Batch.Step and Request.Step return the label.
func (s *Send) Step(label string) *Send {
	s.send.Step = label
	return s
}

// SSE makes Events cut the answer as server-sent events, whatever its
// Content-Type says.
func (s *Send) SSE() *Send {
	s.send.Framing = abi.FramingSSE
	return s
}

// NDJSON makes each line of the answer an event, whatever its Content-Type
// says.
func (s *Send) NDJSON() *Send {
	s.send.Framing = abi.FramingNDJSON
	return s
}

// Pass sends, and lets the answer go to the client untouched.
func (s *Send) Pass() Answer { return s.deliver(abi.DeliverPass) }

// Events sends, and gives the answer to Provider.Events event by event.
func (s *Send) Events() Answer { return s.deliver(abi.DeliverEvents) }

// Whole sends, and gives the complete answer to a step of Provider.Steps.
func (s *Send) Whole(step string) Answer { return s.Step(step).deliver(abi.DeliverWhole) }

func (s *Send) deliver(how abi.Deliver) Answer {
	s.send.Request, s.send.Deliver = &s.req, how
	s.send.Step = s.call.plugin.label(s.call.provider, s.send.Step)
	return Answer{abi.Action{Which: abi.ActionIsSend, Send: &s.send}}
}
