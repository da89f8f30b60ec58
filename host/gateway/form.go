package gateway

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// modelRoute is the one route whose last part may hold encoded characters: the
// ids of models have slashes.
const modelRoute = "/v1/models/"

// checkForm refuses requests that two readers could take for different ones,
// whatever they ask for. It decides on the path alone; the Host header is
// never looked at. spec: faults.md A-03, K-04.
func checkForm(r *http.Request) *problem {
	// An absolute target, as a proxy gets it, names a host of its own; neither
	// it nor * nor CONNECT's authority is a request to us.
	if !strings.HasPrefix(r.RequestURI, "/") || r.URL.Host != "" || r.URL.Scheme != "" {
		p := badRequest(codeBadRequest, "", "The request target must be a path.")
		p.close = true
		return p
	}
	if !plainPath(r.URL.Path) || r.URL.RawPath != "" && !strings.HasPrefix(r.URL.RawPath, modelRoute) {
		return unknownURL(r)
	}
	return nil
}

// plainPath reports whether path has one reading: no empty and no dot
// segment, no backslash, no control character.
func plainPath(path string) bool {
	for _, c := range []byte(path) {
		if c < ' ' || c == 0x7f || c == '\\' {
			return false
		}
	}
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// unknownURL does not say which URL: the answer would carry whatever the
// client wrote.
func unknownURL(r *http.Request) *problem {
	return &problem{status: http.StatusNotFound, code: codeUnknownURL, kind: typeInvalidRequest, message: "Unknown request URL. See GET /v1/models and POST /v1/chat/completions.", close: hasBody(r)}
}

// hasBody reports whether the client announced a body; one that is not read
// takes the connection with it.
func hasBody(r *http.Request) bool { return r.ContentLength != 0 }

// routeError answers for the router, and for a handler that returned an error.
func routeError(err error, c echo.Context) {
	x := exchangeOf(c)
	var he *echo.HTTPError
	if !errors.As(err, &he) {
		x.fail(describe(err, nil, false))
		return
	}
	switch he.Code {
	case http.StatusNotFound:
		x.fail(unknownURL(x.r))
	case http.StatusMethodNotAllowed:
		// The router has set Allow.
		x.fail(&problem{status: he.Code, code: codeMethod, kind: typeInvalidRequest, message: "This URL does not take this method.", close: hasBody(x.r)})
	default:
		x.fail(&problem{status: http.StatusInternalServerError, code: codeInternal, message: messageInternal, cause: err})
	}
}
