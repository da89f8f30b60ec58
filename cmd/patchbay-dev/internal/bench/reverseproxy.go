package bench

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
	"time"
)

// keptIdle is how many idle connections to the upstream the floor keeps: all
// that a round can use.
const keptIdle = 2048

// runReverseProxy is the floor: what somebody would write who wants nothing but
// to forward, and knows the two settings that matter, connections that are kept
// and a pool of buffers.
func runReverseProxy(ctx context.Context, r role, p *parent) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: r.Upstream})
	proxy.Transport = &http.Transport{MaxIdleConns: keptIdle, MaxIdleConnsPerHost: keptIdle, IdleConnTimeout: time.Minute, DisableCompression: true}
	proxy.BufferPool = buffers{&sync.Pool{New: func() any { return new([32 << 10]byte) }}}
	// A client that leaves at the end of a round is not worth a line.
	proxy.ErrorLog = log.New(nowhere{}, "", 0)
	return serveHTTP(ctx, ln, &http.Server{Handler: proxy, ReadHeaderTimeout: time.Minute}, r, p)
}

// serveHTTP serves until the parent goes.
func serveHTTP(ctx context.Context, ln net.Listener, s *http.Server, r role, p *parent) error {
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	if err := p.tell(ready{Addr: ln.Addr().String(), PID: os.Getpid()}); err != nil {
		return err
	}
	err := errors.Join(underProfile(ctx, r, p), s.Close())
	if end := <-served; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return err
}

// buffers is a pool for httputil.ReverseProxy.
type buffers struct{ *sync.Pool }

func (b buffers) Get() []byte  { return b.Pool.Get().(*[32 << 10]byte)[:] }
func (b buffers) Put(p []byte) { b.Pool.Put((*[32 << 10]byte)(p)) }

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
