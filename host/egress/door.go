package egress

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// Options set up a Door. The zero value is ready.
type Options struct {
	// Resolver resolves the names of destinations; nil means
	// net.DefaultResolver.
	Resolver Resolver
	// RootCAs are trusted instead of the system's.
	RootCAs *x509.CertPool
	// DialTimeout bounds resolving and connecting, TLSTimeout the handshake; 0
	// means 10 s.
	DialTimeout time.Duration
	TLSTimeout  time.Duration
	// HeaderTimeout bounds the wait for the head of an answer; 0 means 10
	// minutes, since a model may think for long before it answers.
	HeaderTimeout time.Duration
	// MaxIdlePerHost bounds the idle connections to a host; 0 means 64.
	MaxIdlePerHost int
}

// Door sends requests out. It is safe for concurrent use.
type Door struct {
	opts       Options
	transports transports
	closed     atomic.Bool
}

// New returns a Door.
func New(opts Options) *Door {
	if opts.Resolver == nil {
		opts.Resolver = net.DefaultResolver
	}
	opts.DialTimeout = orDefault(opts.DialTimeout, 10*time.Second)
	opts.TLSTimeout = orDefault(opts.TLSTimeout, 10*time.Second)
	opts.HeaderTimeout = orDefault(opts.HeaderTimeout, 10*time.Minute)
	opts.MaxIdlePerHost = orDefault(opts.MaxIdlePerHost, 64)
	return &Door{opts: opts, transports: transports{opts: opts}}
}

func orDefault[T time.Duration | int](v, preset T) T {
	if v <= 0 {
		return preset
	}
	return v
}

// Do sends req to dest with the proxy of a, which may be nil, and returns the
// answer as it is: a redirect is an answer, and nothing is decompressed. The
// body streams, ends with ctx, and must be closed. Every error, also one that
// reading the body returns, is an *Error; Canceled and DeadlineExceeded of ctx
// are found in it with errors.Is. req is not written to, but its body is used
// up.
//
// The address of the destination is checked when the connection is made. Behind
// a proxy it is the proxy that resolves a name, so there only an IP address in
// dest is checked, and the proxy's own address, which may be private. For a
// transport that ctx carries (executor.WithRoundTripper, which the manager sets
// from its RoundTripperProvider) the name is resolved and checked before the
// request is handed over; that transport resolves it once more.
func (d *Door) Do(ctx context.Context, a *auth.Auth, dest Destination, req *http.Request) (*http.Response, error) {
	if d.closed.Load() {
		return nil, abandon(dest, req, refuse("the server is stopping"))
	}
	if rule := match(dest, req); rule != "" {
		return nil, abandon(dest, req, refuse(rule))
	}
	rt, err := d.roundTripper(ctx, a, dest)
	if err != nil {
		return nil, abandon(dest, req, failure(ctx, err, false))
	}
	var seen progress
	ctx = httptrace.WithClientTrace(ctx, seen.trace())
	res, err := rt.RoundTrip(req.WithContext(ctx))
	if err != nil {
		e := failure(ctx, err, seen.maybeSent())
		e.Target = target(dest)
		return nil, e
	}
	res.Body = &body{ReadCloser: res.Body, ctx: ctx, dest: dest}
	return res, nil
}

// Close refuses what comes and closes idle connections. Answers that are being
// read go on.
func (d *Door) Close() {
	d.closed.Store(true)
	d.transports.close()
}

// roundTripper returns the transport for one request to dest.
func (d *Door) roundTripper(ctx context.Context, a *auth.Auth, dest Destination) (http.RoundTripper, error) {
	if own := executor.RoundTripper(ctx); own != nil {
		check := dialer{resolver: d.opts.Resolver, private: dest.Private}
		ctx, cancel := context.WithTimeout(ctx, d.opts.DialTimeout)
		defer cancel()
		if _, err := check.resolve(ctx, dest.Host); err != nil {
			return nil, err
		}
		return own, nil
	}
	key := transportKey{private: dest.Private}
	if a != nil {
		key.proxy = strings.TrimSpace(a.ProxyURL)
	}
	if key.proxy != "" && dest.Host == "localhost" && !dest.Private {
		return nil, refuse(errPrivate.Error())
	}
	return d.transports.get(key)
}

// abandon finishes an error for a request that no transport has seen: the
// transport would have closed the body.
func abandon(dest Destination, req *http.Request, e *Error) *Error {
	if req.Body != nil {
		_ = req.Body.Close() // nothing was read from it
	}
	e.Target = target(dest)
	return e
}
