package guest

import (
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
)

// Outgoing is the request that Provider.PrepareRequest is to put credentials
// on, or that Hooks.Intercept may change. Add to it and end with Ready.
// Segments and headers are there already; what they refer to is opaque.
func (r *Request) Outgoing() *Send {
	s := r.newSend()
	in := r.outgoing
	if in == nil {
		return s
	}
	s.req = *in
	if in.URL != nil {
		s.url = *in.URL
	}
	s.req.URL = &s.url
	return s
}

// HeaderValue returns the text of a header of Outgoing, "" when it has none or
// is not text alone.
func (s *Send) HeaderValue(name string) string {
	for _, h := range s.req.Headers {
		if strings.EqualFold(h.Name, name) && len(h.Parts) == 1 && h.Parts[0].Which == abi.PartIsLiteral {
			return h.Parts[0].Literal
		}
	}
	return ""
}

// Ready ends PrepareRequest and Intercept with the request.
func (s *Send) Ready() Answer {
	return Answer{abi.Action{Which: abi.ActionIsRequest, Request: &abi.PreparedRequest{Request: &s.req}}}
}

func (p *Plugin) prepareRequest(f *frame, input []byte) Answer {
	var in abi.PrepareRequestInput
	if err := abi.DecodeMessage(input, &in); err != nil {
		return broken(err.Error())
	}
	r := &f.request
	r.Op = abi.OpPrepareRequest
	r.Attempt = abi.Attempt{Provider: in.Provider, Credential: in.Credential}
	r.outgoing = &abi.Request{Method: in.Method, URL: in.URL}
	for _, h := range in.Headers {
		r.outgoing.Headers = append(r.outgoing.Headers, abi.NamedValue{Name: h.Name, Parts: []Part{Text(h.Value)}})
	}
	return p.serve(r, in.Provider, func(v *Provider) func(*Request) Answer { return v.PrepareRequest })
}
