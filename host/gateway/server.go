package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// lastWords is how long requests that outlived the grace have to tell their
// clients.
const lastWords = 5 * time.Second

// Server serves a Gateway on a listener.
type Server struct {
	gw   *Gateway
	http *http.Server

	// once runs the shutdown; done is closed when it is over, and err is its
	// result from then on.
	once sync.Once
	done chan struct{}
	err  error
}

// NewServer returns a server of g. It speaks HTTP/1.1; TLS and HTTP/2 are for
// a proxy before it.
func NewServer(g *Gateway) *Server {
	s := &Server{gw: g, done: make(chan struct{})}
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	s.http = &http.Server{
		Handler:           g.Handler(),
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelWarn),
		// OPTIONS * is refused like everything else that is no path.
		DisableGeneralOptionsHandler: true,
	}
	return s
}

// Serve answers on ln until ctx ends or Shutdown is called, and then until the
// last request is over. It returns nil after a shutdown in which nothing had
// to be cut off. It closes ln.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = s.Shutdown(context.WithoutCancel(ctx)) })
	err := s.http.Serve(ln)
	if !errors.Is(err, http.ErrServerClosed) {
		stop()
		return errors.Join(fmt.Errorf("serve the client API on %s: %w", ln.Addr(), err), s.Shutdown(context.WithoutCancel(ctx)))
	}
	stop()
	<-s.done
	return s.err
}

// Shutdown says that the server is not ready, stops accepting, and gives what
// runs the grace of the settings, or until ctx ends. Then streams get one
// error event in their own format, other requests an error, and what is still
// there after five more seconds is cut off; only that is an error. It may be
// called more than once; every call waits for the same shutdown.
func (s *Server) Shutdown(ctx context.Context) error {
	s.once.Do(func() {
		defer close(s.done)
		s.err = s.shutdown(ctx)
	})
	<-s.done
	return s.err
}

// Close ends at once: requests are cut off, without a word to their clients. It
// may be called at any time, also while a Shutdown runs, which then returns.
func (s *Server) Close() error {
	s.gw.draining.Store(true)
	s.gw.stop()
	err := s.http.Close()
	s.once.Do(func() { close(s.done) })
	return err
}

func (s *Server) shutdown(ctx context.Context) error {
	s.gw.draining.Store(true)
	defer s.gw.stop()
	grace, cancel := context.WithTimeout(ctx, s.gw.limits.Load().ShutdownGrace)
	defer cancel()
	if s.http.Shutdown(grace) == nil {
		return nil
	}
	s.gw.stop()
	last, cancelLast := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancelLast()
	if err := s.http.Shutdown(last); err != nil {
		return errors.Join(fmt.Errorf("requests were cut off at the end of the shutdown: %w", err), s.http.Close())
	}
	return nil
}
