package gateway

import (
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// authenticated lets only clients with an accepted key through to next. It is
// put on each route by itself, so that no other reading of the path can lead
// around it, and comes before a byte of the body is read.
func (g *Gateway) authenticated(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		x := exchangeOf(c)
		x.route = c.Path()
		presented := bearer(x.r.Header)
		id, ok := g.keys.Authenticate(presented)
		if !ok {
			x.fail(g.refuse(x.r, presented))
			return nil
		}
		x.keyID = id
		return next(c)
	}
}

// refuse says why a request without an accepted key is refused. The address is
// the connection's, never one that the client names.
func (g *Gateway) refuse(r *http.Request, presented string) *problem {
	if presented == "" { // which guesses nothing
		return wrongKey(true, hasBody(r))
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		from = netip.AddrPort{} // all that have none count as one
	}
	if wait := g.guesses.wrong(from.Addr(), g.now()); wait > 0 {
		return tooManyGuesses(wait)
	}
	return wrongKey(false, hasBody(r))
}

// bearer returns the key of the one Authorization header, empty when there is
// none, more than one, or one of another scheme.
func bearer(header http.Header) string {
	values := header["Authorization"]
	if len(values) != 1 {
		return ""
	}
	scheme, key, found := strings.Cut(values[0], " ")
	if !found || !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return key
}

func wrongKey(missing, closing bool) *problem {
	message := "Incorrect API key provided. Ask the operator of this server for one."
	if missing {
		message = "You didn't provide an API key. Send one key of this server as the header Authorization: Bearer KEY."
	}
	return &problem{
		status: http.StatusUnauthorized, code: codeInvalidKey, kind: typeInvalidRequest, message: message, close: closing,
		header: map[string]string{"WWW-Authenticate": "Bearer"},
	}
}

func tooManyGuesses(wait time.Duration) *problem {
	return &problem{
		status: http.StatusTooManyRequests, code: codeTooManyGuesses, kind: typeInvalidRequest, retryAfter: &wait, close: true,
		message: "Too many wrong API keys came from your address or from everywhere. A right key works at once.",
	}
}
