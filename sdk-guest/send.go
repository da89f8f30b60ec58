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
	room room
}

// room is memory for what a usual request is made of, so that making one does
// not allocate: in a module an allocation costs half a microsecond.
type room struct {
	segments [3]abi.Value
	headers  [3]abi.NamedValue
	parts    [6]Part
	used     int // of parts
	body     [1]abi.BodyPart
	secret   abi.SecretRef
	client   abi.ClientBody
}

// take returns the memory of n parts.
func (r *room) take(n int) []Part {
	if len(r.parts)-r.used < n {
		return make([]Part, n)
	}
	r.used += n
	return r.parts[r.used-n : r.used : r.used]
}

func (r *room) text(s string) []Part {
	p := r.take(1)
	p[0] = Text(s)
	return p
}

// newSend returns an empty Send. The first of a call is the last call's.
func (c *call) newSend() *Send {
	s := c.sent
	if s == nil || s.call != nil {
		s = new(Send)
		if c.sent == nil {
			c.sent = s
		}
	}
	s.call, s.req.URL = c, &s.url
	s.url.Segments, s.req.Headers, s.req.Body = s.room.segments[:0], s.room.headers[:0], s.room.body[:0]
	return s
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
	s := c.newSend()
	s.req.Method = method
	if scheme, host, fixed := strings.Cut(base, "://"); fixed {
		s.url.Scheme, s.url.Host = scheme, host
	} else {
		s.url.Base = base
	}
	for _, segment := range segments {
		s.url.Segments = append(s.url.Segments, abi.Value{Parts: s.room.text(segment)})
	}
	return s
}

// Segment adds a path segment made of parts.
func (s *Send) Segment(parts ...Part) *Send {
	s.url.Segments = append(s.url.Segments, abi.Value{Parts: parts})
	return s
}

// Query adds a query pair.
func (s *Send) Query(name, value string) *Send {
	s.url.Query = append(s.url.Query, abi.NamedValue{Name: name, Parts: s.room.text(value)})
	return s
}

// QueryParts adds a query pair whose value is made of parts.
func (s *Send) QueryParts(name string, parts ...Part) *Send {
	s.url.Query = append(s.url.Query, abi.NamedValue{Name: name, Parts: parts})
	return s
}

// Header adds a header.
func (s *Send) Header(name, value string) *Send {
	s.req.Headers = append(s.req.Headers, abi.NamedValue{Name: name, Parts: s.room.text(value)})
	return s
}

// HeaderParts adds a header whose value is made of parts.
func (s *Send) HeaderParts(name string, parts ...Part) *Send {
	s.req.Headers = append(s.req.Headers, abi.NamedValue{Name: name, Parts: parts})
	return s
}

// Bearer adds the header Authorization with a secret field of the credential
// as its token.
func (s *Send) Bearer(field string) *Send {
	ref := &s.room.secret
	if ref.Which != 0 {
		ref = new(abi.SecretRef)
	}
	ref.Which, ref.Credential = abi.SecretRefIsCredential, field
	parts := s.room.take(2)
	parts[0], parts[1] = Text("Bearer "), Part{Which: abi.PartIsSecret, Secret: ref}
	s.req.Headers = append(s.req.Headers, abi.NamedValue{Name: "Authorization", Parts: parts})
	return s
}

// ClientBody makes the client's body, with edits, the request's body. The host
// writes the model's name into it.
func (s *Send) ClientBody(edits ...Edit) *Send {
	body := &s.room.client
	if len(s.req.Body) > 0 {
		body = new(abi.ClientBody)
	}
	body.Edits = edits
	return s.json(abi.BodyPart{Which: abi.BodyPartIsClientBody, ClientBody: body})
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
