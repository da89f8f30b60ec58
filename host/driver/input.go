package driver

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// executeInput is what a guest learns of the client's request: the size of the
// body, its bytes only where the manifest asks for them, and the headers that
// the manifest names. Whatever carries a client's key stays out.
func (a *attempt) executeInput(opts executor.Options) *abi.ExecuteInput {
	in := &abi.ExecuteInput{Attempt: a.info, Body: &abi.BodyHandle{Size: uint64(len(a.body))}}
	if a.e.provider.Body == "bytes" {
		in.Body.Bytes = a.body
		if in.Body.Bytes == nil {
			in.Body.Bytes = []byte{}
		}
	}
	for _, name := range a.e.provider.ClientHeaders {
		if abi.SealedName(name) {
			continue
		}
		for _, v := range opts.Headers.Values(name) {
			in.Headers = append(in.Headers, abi.Pair{Name: http.CanonicalHeaderKey(name), Value: toText(v)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(opts.Query)) {
		if abi.SealedName(name) {
			continue
		}
		for _, v := range opts.Query[name] {
			in.Query = append(in.Query, abi.Pair{Name: toText(name), Value: toText(v)})
		}
	}
	return in
}

// hiddenHeaders of an answer are neither given to a guest nor passed on: they
// are about the connection, or open the provider's session to a client.
var hiddenHeaders = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Set-Cookie", "Content-Length", "Alt-Svc",
}

// shownHeaders returns a copy of an answer's headers, without the hidden ones.
func shownHeaders(h http.Header) http.Header {
	out := h.Clone()
	for _, list := range out["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			out.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hiddenHeaders {
		out.Del(name)
	}
	return out
}

// pairs are headers as a guest gets them: sorted, and without secrets.
func (a *attempt) pairs(h http.Header) []abi.Pair {
	var out []abi.Pair
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			out = append(out, abi.Pair{Name: toText(name), Value: a.scrubber().text(toText(v))})
		}
	}
	return out
}

// headersOf takes a guest's headers for a whole answer. What is not a header,
// and what is the host's, is left out.
func headersOf(pairs []abi.Pair) http.Header {
	h := http.Header{}
	for _, p := range pairs {
		name := http.CanonicalHeaderKey(strings.Clone(p.Name))
		bad := func(r rune) bool { return isControl(r) && r != '\t' }
		if !isToken(name) || abi.HostHeader(name) || slices.Contains(hiddenHeaders, name) || strings.ContainsFunc(p.Value, bad) {
			continue
		}
		h[name] = append(h[name], strings.Clone(p.Value))
	}
	return h
}

// toText makes s a string that a message can carry.
func toText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
