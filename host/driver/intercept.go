package driver

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// Interceptor is a plugin that adds to the requests of other plugins' providers,
// such as a signature with a key of its own. It is safe for concurrent use.
//
// It sees method, URL and headers, with what stands for secrets opaque; of the
// body only which parts it has. It gives the request back with what it adds: at
// the end of the headers ones that were not there, and at the end of the edits
// of client_body further ones. What it adds is resolved in its own slots.
type Interceptor struct {
	e         *Executor
	providers []string
}

// NewInterceptor returns the interceptor that a manifest provides. Of the
// options Door is not needed.
func NewInterceptor(guest abi.Guest, m *abi.Manifest, p abi.Preparer, opts Options) (*Interceptor, error) {
	e, err := newHook(guest, m, p.Name, opts)
	if err != nil {
		return nil, err
	}
	return &Interceptor{e: e, providers: p.Providers}, nil
}

// Wants reports whether it intercepts the requests of a provider.
func (i *Interceptor) Wants(provider string) bool { return slices.Contains(i.providers, provider) }

// Retire lets it be asked no more; see Executor.Retire.
func (i *Interceptor) Retire() { i.e.Retire() }

// Drain waits until nobody asks it any more, or ctx ends.
func (i *Interceptor) Drain(ctx context.Context) error { return i.e.Drain(ctx) }

// addition is what one interceptor adds. Its attempt holds the guest's output,
// which the headers alias.
type addition struct {
	at      *attempt
	headers []abi.NamedValue
}

type additions []addition

func (l additions) release() {
	for _, add := range l {
		add.at.release()
	}
}

// intercepted asks the interceptors of the provider, in order. It returns the
// request with their edits, and the headers that they add, which the caller
// releases. One that fails ends the attempt: a check or a signature that is
// missing must not go unnoticed.
func (a *attempt) intercepted(r *abi.Request) (*abi.Request, additions, error) {
	if a.e.opts.Intercept == nil || r == nil || a.op != abi.OpExecute && a.op != abi.OpModels {
		return r, nil, nil
	}
	var out *abi.Request
	var adds additions
	err := executor.ErrRetired
	for range maxSwaps { // a version that was replaced meanwhile has done nothing
		out, adds, err = a.askAll(r)
		if !errors.Is(err, executor.ErrRetired) {
			break
		}
		adds.release()
	}
	switch {
	case errors.Is(err, executor.ErrRetired):
		return nil, nil, unintercepted("a plugin that intercepts it was taken out of service")
	case err != nil:
		adds.release()
		return nil, nil, err
	}
	return out, adds, nil
}

// maxSwaps is how often the interceptors are looked up for one request.
const maxSwaps = 3

func (a *attempt) askAll(r *abi.Request) (*abi.Request, additions, error) {
	list, err := a.e.opts.Intercept(a.e.provider.Key)
	if err != nil {
		return nil, nil, unintercepted(err.Error())
	}
	if len(list) == 0 {
		return r, nil, nil
	}
	out := *r
	out.Body = slices.Clone(r.Body)
	shown := abi.Request{Method: r.Method, URL: r.URL, Headers: slices.Clone(r.Headers), Body: outline(r.Body)}
	var all additions
	for _, i := range list {
		at, err := i.e.askHook(a.ctx, abi.OpIntercept, &abi.InterceptInput{
			Provider: a.e.provider.Key, Credential: &abi.Credential{ID: a.info.Credential.ID}, Model: a.info.Model, Request: &shown,
		})
		if err != nil {
			return nil, all, err
		}
		all = append(all, addition{at: at})
		if at.todo.Which != abi.ActionIsRequest {
			if u, ok := errors.AsType[*executor.UpstreamError](at.perform()); ok {
				return nil, all, unintercepted(u.Message)
			}
			return nil, all, unintercepted("the plugin " + i.e.manifest.ID + " does not have the op intercept")
		}
		got := at.todo.Request.Request
		if !extends(&shown, got) {
			return nil, all, at.brokenAt(abi.OpIntercept, "an intercept adds headers, and edits of client_body, behind what it was shown, and changes nothing else")
		}
		added := got.Headers[len(shown.Headers):]
		for _, h := range added {
			if slices.ContainsFunc(shown.Headers, func(o abi.NamedValue) bool { return strings.EqualFold(o.Name, h.Name) }) {
				return nil, all, at.brokenAt(abi.OpIntercept, "the header %s is there already", short(h.Name))
			}
		}
		all[len(all)-1].headers = added
		shown.Headers = append(shown.Headers, added...)
		for n, part := range got.Body {
			if part.Which == abi.BodyPartIsClientBody && len(part.ClientBody.Edits) > 0 {
				edits := append(slices.Clip(out.Body[n].ClientBody.Edits), part.ClientBody.Edits...)
				out.Body[n].ClientBody = &abi.ClientBody{Edits: edits}
			}
		}
	}
	return &out, all, nil
}

// outline is a body as an interceptor sees it: which parts there are, and
// nothing of what is in them.
func outline(body []abi.BodyPart) []abi.BodyPart {
	out := make([]abi.BodyPart, len(body))
	for i, p := range body {
		if p.Which == abi.BodyPartIsClientBody {
			out[i] = abi.BodyPart{Which: p.Which, ClientBody: &abi.ClientBody{}}
		} else {
			out[i] = abi.BodyPart{Which: abi.BodyPartIsLiteral, Literal: []byte{}}
		}
	}
	return out
}

// extends reports whether got is what was shown with more headers behind, and
// edits of client_body.
func extends(shown, got *abi.Request) bool {
	if got == nil || len(got.Headers) < len(shown.Headers) || len(got.Body) != len(shown.Body) {
		return false
	}
	bare := *got
	bare.Headers, bare.Body = got.Headers[:len(shown.Headers)], outline(got.Body)
	for i, p := range got.Body {
		if p.Which != shown.Body[i].Which || p.Which == abi.BodyPartIsLiteral && len(p.Literal) > 0 {
			return false
		}
	}
	return bytes.Equal(abi.AppendMessage(nil, shown), abi.AppendMessage(nil, &bare))
}

// addTo writes what interceptors add, each in its own slots and signed over the
// final body, onto the request of an attempt that is otherwise done. A key of
// theirs that is missing blames no credential.
func (l additions) addTo(a *attempt, o *outgoing) error {
	for _, add := range l {
		own := &outgoing{dest: o.dest, method: o.method, url: o.url, header: o.header.Clone(), body: o.body}
		own.name = add.at.e.reaches(a.e.provider.Key, o.method)
		for _, h := range add.headers { // the host's own, such as User-Agent
			own.header.Del(h.Name)
		}
		err := add.at.headers(own, add.headers)
		if err == nil {
			err = add.at.sign(own)
		}
		if u, ok := errors.AsType[*executor.UpstreamError](err); ok {
			return unintercepted("the plugin " + add.at.e.manifest.ID + ": " + u.Message)
		}
		if err != nil {
			return err
		}
		a.scrubber().join(add.at.scrubber()) // the upstream may repeat what it got, signatures too
		for name, values := range own.header {
			added := slices.ContainsFunc(add.headers, func(h abi.NamedValue) bool { return strings.EqualFold(h.Name, name) })
			if _, there := o.header[name]; added || !there {
				o.header[name] = values
			}
		}
	}
	return nil
}

// reaches names the destination of an interceptor's manifest that stands for the
// requests of a provider, empty when it has none, and so no slots.
func (e *Executor) reaches(provider, method string) string {
	for _, d := range e.manifest.Destinations {
		if d.Provider == provider && slices.Contains(d.Methods, method) {
			return d.Name
		}
	}
	return ""
}

// unintercepted is a request that must not go out without what an interceptor
// adds. No credential is to blame.
func unintercepted(why string) error {
	return &executor.UpstreamError{Status: http.StatusBadGateway, RequestScope: true, Message: tidy("the request was not sent: " + why)}
}
