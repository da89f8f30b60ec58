package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

const (
	// maxPassed bounds the headers of a provider that a client gets, maxValue
	// each of their values.
	maxPassed = 32
	maxValue  = 1 << 10
)

// passHeaders copies the few headers of a provider that help a client: its
// limits, and how long to wait. Everything else stays here; above all what
// would act on the client in our name.
func passHeaders(to, from http.Header) {
	passed := 0
	for name, values := range from {
		if !passes(name) || len(values) == 0 || len(values[0]) > maxValue || strings.ContainsFunc(values[0], isControl) {
			continue
		}
		if passed++; passed > maxPassed {
			return
		}
		to[http.CanonicalHeaderKey(name)] = []string{values[0]}
	}
}

func passes(name string) bool {
	switch name = strings.ToLower(name); name {
	case "retry-after":
		return true
	case "openai-organization", "openai-project":
		return false // they name the operator's account
	}
	return strings.HasPrefix(name, "x-ratelimit-") || strings.HasPrefix(name, "openai-")
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// dropped are request headers that end here: of this connection, of a proxy
// before us, or a key. In lower case.
var dropped = []string{
	"authorization", "proxy-authorization", "proxy-authenticate", "proxy-connection", "x-api-key", "api-key", "x-goog-api-key",
	"cookie", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect",
	"content-length", "content-encoding", "accept-encoding", "host", "origin", "referer",
	"forwarded", "via", "x-real-ip",
}

// forwardable returns the client's headers that a provider's plugin may learn
// of: none that is a key, of this connection alone, or a proxy's word about the
// client. spec: faults.md K-05.
func forwardable(header http.Header) http.Header {
	var named []string
	for _, list := range header["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			named = append(named, strings.ToLower(strings.TrimSpace(name)))
		}
	}
	out := make(http.Header, len(header))
	for name, values := range header {
		lower := strings.ToLower(name)
		if slices.Contains(dropped, lower) || slices.Contains(named, lower) || strings.HasPrefix(lower, "x-forwarded-") || strings.HasPrefix(lower, "sec-") {
			continue
		}
		out[name] = slices.Clone(values)
	}
	return out
}

// maxSessionID bounds the id of a session, in bytes.
const maxSessionID = 256

// sessionOf returns the session that a client says its request belongs to; empty
// when it names none, or by an id that is none. spec: core.md 4.9.
func sessionOf(header http.Header) string {
	id := strings.TrimSpace(header.Get("X-Session-Id"))
	if len(id) > maxSessionID || strings.ContainsFunc(id, unicode.IsControl) {
		return ""
	}
	return id
}

// forwardableQuery returns the query without what could be a key.
func forwardableQuery(query url.Values) url.Values {
	for name := range query {
		switch strings.ToLower(name) {
		case "key", "api_key", "api-key", "apikey", "access_token", "token":
			delete(query, name)
		}
	}
	return query
}
