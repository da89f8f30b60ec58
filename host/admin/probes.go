package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// metricsPath is where metrics are read.
const metricsPath = "/metrics"

// Option is something that a server of the admin socket may have besides its
// operations.
type Option func(*handler)

// WithMetrics serves metrics at /metrics.
func WithMetrics(metrics http.Handler) Option { return func(h *handler) { h.metrics = metrics } }

// isProbe reports whether a route only shows how the server does. Those need no
// header of a command: a socket cannot be reached by a browser's page, and there
// is nothing to be done with them.
func isProbe(c echo.Context) bool {
	if c.Request().Method != http.MethodGet {
		return false
	}
	switch c.Path() {
	case "/healthz", "/readyz", metricsPath:
		return true
	}
	return false
}

// probeRoutes are what may be asked without changing anything.
func (h handler) probeRoutes(e *echo.Echo) {
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", h.ready)
	if h.metrics != nil {
		e.GET(metricsPath, echo.WrapHandler(h.metrics))
	}
}

// NewProbeServer returns a server for a loopback address: metrics, liveness and
// readiness, and nothing else of ops than its health, without the reasons. A nil
// log discards.
func NewProbeServer(ops Operations, metrics http.Handler, log *slog.Logger) *Server {
	h := handler{ops: ops, log: slog.New(discarded(log)), closing: context.Background(), metrics: metrics}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = h.fail
	e.Use(h.observe, fromThisMachine)
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", h.bareReady)
	e.GET(metricsPath, echo.WrapHandler(metrics))
	return &Server{stop: func() {}, http: &http.Server{
		Handler:           e,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(discarded(log), slog.LevelWarn),
	}}
}

// ListenProbes listens on a loopback address, and on no other: what is there has
// no key before it.
func ListenProbes(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil || !isLoopback(host) {
		return nil, fmt.Errorf("admin.listen %s is not a loopback address with a port: metrics have no key before them; use 127.0.0.1:PORT", address)
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s (admin.listen): %w", address, err)
	}
	// A name may lead anywhere.
	if at, ok := ln.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("admin.listen %s leads to %s, which is not loopback", address, ln.Addr()), ln.Close())
	}
	return ln, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// fromThisMachine refuses what a page in a browser could have sent, also one
// whose name was made to lead to this machine.
func fromThisMachine(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := refuseBrowser(c); err != nil {
			return err
		}
		host := c.Request().Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if !isLoopback(host) {
			return &Error{Code: CodeForbidden, Message: "ask for this machine by its loopback address"}
		}
		return next(c)
	}
}

// bareReady says whether requests can be served. The reasons are for the
// socket, which only the operator can reach.
func (h handler) bareReady(c echo.Context) error {
	health, err := h.ops.Health(c.Request().Context())
	if err != nil {
		return err
	}
	if !health.Ready {
		return c.String(http.StatusServiceUnavailable, "not ready\n")
	}
	return c.String(http.StatusOK, "ready\n")
}
