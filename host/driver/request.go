package driver

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/wire"
)

// outgoing is one request as the door takes it.
type outgoing struct {
	dest   egress.Destination
	name   string // the destination's name in the manifest
	method string
	url    *url.URL
	header http.Header
	body   []byte

	by       *owner     // of the parts; nil until a part needs it
	token    bool       // it is a token request
	carries  []string   // the secrets and signers in it, as slots name them
	unsigned []unsigned // what is signed once the rest is final
}

// build makes the request of a send. Everything a guest says is checked before
// any of it leaves; nothing of the result aliases the guest's output.
func (a *attempt) build(r *abi.Request) (*outgoing, error) {
	return a.assemble(r, &outgoing{header: http.Header{}})
}

// assemble is build of a request of which something is known.
func (a *attempt) assemble(r *abi.Request, o *outgoing) (*outgoing, error) {
	if r == nil || r.URL == nil {
		return nil, a.broken("send has no request or no url")
	}
	o.method = strings.Clone(r.Method)
	if err := a.target(o, r); err != nil {
		return nil, err
	}
	if err := a.path(o, r.URL.Segments); err != nil {
		return nil, err
	}
	if err := a.query(o, r.URL.Query); err != nil {
		return nil, err
	}
	if err := a.headers(o, r.Headers); err != nil {
		return nil, err
	}
	if err := a.content(o, r.Body); err != nil {
		return nil, err
	}
	if err := a.sign(o); err != nil {
		return nil, err
	}
	return o, nil
}

// request is what the door takes. It is put together here, since
// http.NewRequest would parse the URL that was just written. The door looks at
// the method and at every part of the URL.
func (o *outgoing) request() *http.Request {
	r := &http.Request{
		Method: o.method, URL: o.url, Host: o.url.Host, Header: o.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	switch {
	case o.token:
		// Without GetBody the transport never sends it a second time.
		r.Body = io.NopCloser(bytes.NewReader(o.body))
		r.ContentLength = int64(len(o.body))
	case len(o.body) > 0:
		// A connection that the other side had closed gets the body again on
		// the next.
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(o.body)), nil }
		r.Body, _ = r.GetBody()
		r.ContentLength = int64(len(o.body))
	}
	return r
}

// path writes the base's path and the segments, each encoded once.
func (a *attempt) path(o *outgoing, segments []abi.Value) error {
	raw := strings.TrimSuffix(o.dest.PathPrefix, "/")
	for i, s := range segments {
		text, err := a.text(s.Parts, place{o: o, kind: "path", index: i})
		if err != nil {
			return err
		}
		if text == "" || text == "." || text == ".." || strings.ContainsFunc(text, isControl) {
			return a.broken("segment %d of the path is empty, a dot segment or holds a control character", i)
		}
		raw += "/" + url.PathEscape(text)
	}
	if raw == "" {
		raw = "/"
	}
	decoded, err := url.PathUnescape(raw)
	if err != nil {
		return a.broken("the path of destination %s is not encoded", o.name)
	}
	o.url.Path, o.url.RawPath = decoded, raw
	return nil
}

func (a *attempt) query(o *outgoing, pairs []abi.NamedValue) error {
	var raw strings.Builder
	for _, p := range pairs {
		text, err := a.text(p.Parts, place{o: o, kind: "query", name: strings.Clone(p.Name)})
		if err != nil {
			return err
		}
		if raw.Len() > 0 {
			raw.WriteByte('&')
		}
		raw.WriteString(url.QueryEscape(p.Name) + "=" + url.QueryEscape(text))
	}
	o.url.RawQuery = raw.String()
	return nil
}

func (a *attempt) headers(o *outgoing, list []abi.NamedValue) error {
	for _, h := range list {
		if !isToken(h.Name) {
			return a.broken("%q is not the name of a header", short(h.Name))
		}
		name := http.CanonicalHeaderKey(strings.Clone(h.Name))
		if abi.HostHeader(name) {
			return a.broken("the header %s is the host's", name)
		}
		text, err := a.text(h.Parts, place{o: o, kind: "header", name: name})
		if err != nil {
			return err
		}
		if strings.ContainsFunc(text, func(r rune) bool { return isControl(r) && r != '\t' }) {
			return a.broken("the header %s holds a control character", name)
		}
		o.header[name] = append(o.header[name], text)
	}
	o.header.Set("Accept-Encoding", "identity")
	if o.header.Get("User-Agent") == "" {
		o.header.Set("User-Agent", strings.TrimSuffix("patchbay/"+a.e.opts.HostVersion, "/"))
	}
	return nil
}

// content puts the body together. Only a form and a JSON text have slots.
func (a *attempt) content(o *outgoing, parts []abi.BodyPart) error {
	if len(parts) == 0 {
		return nil
	}
	whole := make([][]byte, 0, len(parts))
	json := false
	for _, p := range parts {
		switch p.Which {
		case abi.BodyPartIsLiteral:
			whole = append(whole, p.Literal)
		case abi.BodyPartIsClientBody:
			body, err := a.clientBody(p.ClientBody)
			if err != nil {
				return err
			}
			whole, json = append(whole, body), true
		default: // form, json
			if len(parts) > 1 {
				return a.broken("a form or json is the whole body: one that carries anything else has no slots")
			}
			return a.fields(o, p)
		}
	}
	if len(whole) == 1 && json {
		o.body = whole[0] // the client's bytes, which nobody changes
	} else {
		o.body = bytes.Join(whole, nil)
	}
	if json && o.header.Get("Content-Type") == "" {
		o.header.Set("Content-Type", wire.ContentTypeJSON)
	}
	return nil
}

// clientBody applies the guest's edits to a copy of the client's body and then
// writes the model name, which is always the host's.
func (a *attempt) clientBody(c *abi.ClientBody) ([]byte, error) {
	if a.op != abi.OpExecute {
		return nil, a.broken("client_body outside of an attempt")
	}
	changes := make([]wire.Change, 0, len(c.Edits))
	for _, e := range c.Edits {
		changes = append(changes, wire.Change{Path: e.Path, Set: e.Set, Delete: e.Which == abi.EditIsDelete})
	}
	body, err := wire.Apply(a.body, changes)
	if err != nil {
		return nil, a.broken("client_body: %v", err)
	}
	body, err = wire.SetModel(a.format, body, a.info.Model)
	if err != nil {
		return nil, requestFault(err)
	}
	return body, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// isToken reports whether s is a token of RFC 9110.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// short cuts what is quoted in an error.
func short(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return strings.Clone(s)
}
