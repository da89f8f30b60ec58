package driver

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/egress"
)

var _ auth.RequestPreparer = (*Executor)(nil)

// PrepareRequest puts the credential on a request: the guest says where, the
// host writes the secrets, so that req holds them afterwards. It does so only
// for a URL and a method that a destination of the credential allows; req is
// unchanged when it fails. The guest sees method, URL and the headers that can
// hold no key, and no body. spec: core.md 8.
func (e *Executor) PrepareRequest(req *http.Request, a *auth.Auth) error {
	at, err := e.newAttempt(req.Context(), a, abi.OpPrepareRequest, abi.KindUnspecified)
	if err != nil {
		return err
	}
	defer at.release()
	_, err = at.prepare(req)
	return err
}

// HttpRequest prepares a copy of req and sends it, with req's body. No redirect
// is followed. The response's body has to be closed; it ends with an error when
// the upstream is silent for the idle time.
func (e *Executor) HttpRequest(ctx context.Context, a *auth.Auth, req *http.Request) (*http.Response, error) {
	at, err := e.newAttempt(ctx, a, abi.OpPrepareRequest, abi.KindUnspecified)
	if err != nil {
		return nil, err
	}
	u := newAnswer(ctx, e.opts.IdleTimeout)
	mine := req.Clone(u.ctx)
	dest, err := at.prepare(mine)
	if err != nil {
		u.close()
		at.release()
		return nil, err
	}
	if mine.Header.Get("Accept-Encoding") == "" {
		mine.Header.Set("Accept-Encoding", "identity")
	}
	u.target = mine.URL.Scheme + "://" + mine.URL.Host
	resp, err := e.opts.Door.Do(u.ctx, a, dest, mine)
	u.timer.Stop()
	if err != nil {
		err = at.unanswered(u, err)
		u.close()
		at.release()
		return nil, err
	}
	u.body, u.resp = resp.Body, &http.Response{Body: resp.Body}
	resp.Body = &preparedBody{u: u, at: at}
	return resp, nil
}

// preparedBody keeps the executor in use until it is closed.
type preparedBody struct {
	u  *answer
	at *attempt
}

func (b *preparedBody) Read(p []byte) (int, error) {
	n, err := b.u.Read(p)
	if err != nil && !ended(err) {
		err = b.at.unanswered(b.u, err)
	}
	return n, err
}

func (b *preparedBody) Close() error {
	b.u.close()
	b.at.release()
	return nil
}

var _ io.ReadCloser = (*preparedBody)(nil)

// prepare asks the guest and writes what it says onto req, once all of it is
// right.
func (a *attempt) prepare(req *http.Request) (egress.Destination, error) {
	var none egress.Destination
	name, u, err := a.addressed(req)
	if err != nil {
		return none, err
	}
	in := &abi.PrepareRequestInput{Provider: a.e.provider.Key, Credential: a.info.Credential, Method: u.method, URL: u.url}
	for _, p := range a.pairs(req.Header) {
		if shownToPreparer(p.Name) {
			in.Headers = append(in.Headers, p)
		}
	}
	if err := a.ask(abi.OpPrepareRequest, in); err != nil {
		return none, err
	}
	if a.todo.Which != abi.ActionIsRequest {
		return none, a.perform()
	}
	r := a.todo.Request.Request
	o, err := a.build(r)
	switch {
	case err != nil:
		return none, err
	case o.name != name || o.method != u.method:
		return none, a.broken("the request was for %s of %s, and the plugin made it one for %s of %s", u.method, name, o.method, o.name)
	case len(r.Body) > 0:
		return none, a.broken("the body of a request that is prepared is not the plugin's")
	}
	header := http.Header{}
	for n, values := range req.Header {
		if !shownToPreparer(n) {
			header[n] = values
		}
	}
	o.header.Del("Accept-Encoding") // as the caller has it
	for n, values := range o.header {
		header[n] = values
	}
	req.Method, req.URL, req.Host, req.Header = o.method, o.url, "", header
	return o.dest, nil
}

// shownToPreparer reports whether a guest may see a header of a caller.
func shownToPreparer(name string) bool { return !abi.SealedName(name) && !abi.HostHeader(name) }

// address is a URL in the words of the contract.
type address struct {
	method string
	url    *abi.Url
}

// addressed finds the destination of the manifest that a URL of a caller is for:
// scheme, host, port, path prefix and method. Nothing of the credential is used
// for one that is for none.
func (a *attempt) addressed(req *http.Request) (string, address, error) {
	to := address{method: req.Method}
	if to.method == "" {
		to.method = http.MethodGet
	}
	if u := req.URL; u == nil || u.Host == "" || u.User != nil || u.Opaque != "" || u.Fragment != "" || req.Host != "" && req.Host != u.Host {
		return "", to, notThere("its URL has no host, a user or a fragment, or its Host is another")
	}
	for _, d := range a.e.manifest.Destinations {
		if !slices.Contains(d.Methods, to.method) {
			continue
		}
		asked := &abi.Url{Scheme: req.URL.Scheme, Host: req.URL.Host}
		if d.Field != "" {
			asked = &abi.Url{Base: d.Field}
		}
		dest, ok, err := a.resolve(d, asked)
		if err != nil {
			return "", to, err
		}
		if !ok || !strings.EqualFold(req.URL.Scheme, dest.Scheme) {
			continue
		}
		if host, port := splitPort(strings.ToLower(req.URL.Host), dest.Scheme); strings.Trim(host, "[]") != dest.Host || port != dest.Port {
			continue
		}
		segments, ok := below(dest.PathPrefix, req.URL)
		if !ok {
			continue
		}
		asked.Segments = segments
		query, err := pairsOf(req.URL.RawQuery)
		if err != nil {
			return "", to, notThere("its query cannot be read")
		}
		asked.Query, to.url = query, asked
		return d.Name, to, nil
	}
	return "", to, notThere("its URL and method are no destination of the credential")
}

func notThere(why string) error {
	return &auth.Error{Code: auth.CodeInvalidRequest, Message: "the request gets no credential: " + why, HTTPStatus: auth.StatusOf(auth.CodeInvalidRequest)}
}

// below returns the segments of a path behind a prefix.
func below(prefix string, u *url.URL) ([]abi.Value, bool) {
	path := strings.Trim(u.EscapedPath(), "/")
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		rest, ok := strings.CutPrefix(path, prefix)
		if !ok || rest != "" && rest[0] != '/' {
			return nil, false
		}
		path = strings.TrimPrefix(rest, "/")
	}
	var segments []abi.Value
	if path == "" {
		return nil, true
	}
	for raw := range strings.SplitSeq(path, "/") {
		text, err := url.PathUnescape(raw)
		if err != nil {
			return nil, false
		}
		segments = append(segments, literal(text))
	}
	return segments, true
}

// pairsOf reads a query, in its order.
func pairsOf(raw string) ([]abi.NamedValue, error) {
	var pairs []abi.NamedValue
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, err
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, err
		}
		pairs = append(pairs, abi.NamedValue{Name: toText(name), Parts: literal(value).Parts})
	}
	return pairs, nil
}

func literal(text string) abi.Value {
	return abi.Value{Parts: []abi.Part{{Which: abi.PartIsLiteral, Literal: toText(text)}}}
}
