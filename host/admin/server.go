package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Server serves Operations on a listener.
type Server struct {
	http *http.Server
	// stop ends the answers that have no end of their own.
	stop context.CancelFunc
}

// NewServer returns a server of ops; a nil log discards.
func NewServer(ops Operations, log *slog.Logger, opts ...Option) *Server {
	closing, stop := context.WithCancel(context.Background())
	return &Server{stop: stop, http: &http.Server{
		Handler:           newHandler(ops, log, closing, opts...),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(discarded(log), slog.LevelWarn),
	}}
}

func discarded(log *slog.Logger) slog.Handler {
	if log == nil {
		return slog.DiscardHandler
	}
	return log.Handler()
}

// Serve answers on ln until Shutdown, then returns nil. It closes ln.
func (s *Server) Serve(ln net.Listener) error {
	if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the admin socket: %w", err)
	}
	return nil
}

// Shutdown stops taking requests and waits for those that run, until ctx ends;
// then it cuts them off. It may be called more than once.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(err, s.http.Close())
	}
	return nil
}
