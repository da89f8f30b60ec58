package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	// commandHeader marks a request as a command's. A browser, or a page that
	// talked one into a request, cannot set it without a preflight, which is
	// not answered.
	commandHeader = "Patchbay-Admin"
	commandValue  = "1"
	// maxBody bounds every body but a module's.
	maxBody = 1 << 20
	// maxInstall is a module in base64, with room for the rest.
	maxInstall = MaxModule/3*4 + 64<<10
)

// browserHeaders are sent by browsers and by no command of ours.
var browserHeaders = []string{"Origin", "Referer", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Cookie"}

// NewHandler serves ops over HTTP. It logs one line a request: what was done,
// never with what.
func NewHandler(ops Operations, log *slog.Logger, opts ...Option) http.Handler {
	return newHandler(ops, log, context.Background(), opts...)
}

// newHandler serves ops; answers without an end of their own end with closing.
func newHandler(ops Operations, log *slog.Logger, closing context.Context, opts ...Option) http.Handler {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	h := handler{ops: ops, log: log, closing: closing}
	for _, set := range opts {
		set(&h)
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = h.fail
	e.Use(h.observe, commandsOnly)
	h.probeRoutes(e)
	e.GET("/v1/health", h.health)
	e.POST("/v1/keys", h.createKey)
	e.POST("/v1/auths", h.addAuth)
	e.GET("/v1/auths", h.listAuths)
	e.DELETE("/v1/auths", h.removeAuth)
	e.POST("/v1/plugins", h.installPlugin)
	e.GET("/v1/plugins", h.listPlugins)
	e.DELETE("/v1/plugins", h.removePlugin)
	h.keyRoutes(e)
	h.authRoutes(e)
	h.importRoutes(e)
	h.loginRoutes(e)
	h.statusRoutes(e)
	h.logRoutes(e)
	h.explainRoutes(e)
	h.storeRoutes(e)
	h.pluginRoutes(e)
	e.POST("/v1/config/reload", h.reloadConfig)
	return e
}

type handler struct {
	ops Operations
	log *slog.Logger
	// closing ends when the server stops taking requests.
	closing context.Context
	// metrics serves /metrics; nil when there are none.
	metrics http.Handler
}

// commandsOnly refuses whatever a browser could have sent: there is no page
// that should be able to reach this.
func commandsOnly(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := refuseBrowser(c); err != nil {
			return err
		}
		if !isProbe(c) && c.Request().Header.Get(commandHeader) != commandValue {
			return &Error{Code: CodeForbidden, Message: fmt.Sprintf("the admin socket takes commands only: send the header %s: %s", commandHeader, commandValue)}
		}
		return next(c)
	}
}

func refuseBrowser(c echo.Context) error {
	header := c.Request().Header
	for _, name := range browserHeaders {
		if _, sent := header[name]; sent {
			return &Error{Code: CodeForbidden, Message: "the admin socket takes no requests from a browser"}
		}
	}
	return nil
}

// observe logs the request and keeps a panic to it.
func (h handler) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		start := time.Now()
		defer func() {
			if p := recover(); p != nil {
				h.log.Error("panic in an admin operation", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				err = &Error{Code: CodeInternal, Message: "the operation failed inside the server; its log says more"}
			}
			if err != nil {
				c.Error(err)
			}
			attrs := []any{"method", c.Request().Method, "route", c.Path(), "status", c.Response().Status, "total_ms", float64(time.Since(start).Microseconds()) / 1000}
			if err != nil {
				attrs = append(attrs, "code", codeOf(err))
			}
			level := slog.LevelInfo
			if isProbe(c) {
				level = slog.LevelDebug // one comes every few seconds
			}
			h.log.Log(context.WithoutCancel(c.Request().Context()), level, "admin", attrs...)
			err = nil // it is answered
		}()
		return next(c)
	}
}

func codeOf(err error) string {
	var he *echo.HTTPError
	if errors.As(err, &he) {
		return fmt.Sprint("http_", he.Code)
	}
	return asError(err).Code
}

func (h handler) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	var (
		he     *echo.HTTPError
		e      *Error
		status int
	)
	if errors.As(err, &he) {
		status = he.Code
		e = &Error{Code: CodeInvalid, Message: fmt.Sprintf("the admin socket has no %s %s: server and command may be of different versions", c.Request().Method, c.Request().URL.Path)}
	} else {
		e = asError(err)
		status = httpStatus(e.Code)
	}
	if err := c.JSON(status, failure{Error: e}); err != nil {
		h.log.Warn("an admin answer could not be written", "error", err)
	}
}

// failure is the body of an answer that is an error.
type failure struct {
	Error *Error `json:"error"`
}

// bind reads a JSON body of at most limit bytes, strictly: a field that this
// version does not know would be a wish that is silently not fulfilled.
func bind(c echo.Context, limit int64, into any) error {
	dec := json.NewDecoder(http.MaxBytesReader(c.Response(), c.Request().Body, limit))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return &Error{Code: CodeInvalid, Message: fmt.Sprintf("the request is larger than %d bytes", limit)}
		}
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		if errors.As(err, &syntax) || errors.As(err, &kind) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			// The decoder's own text quotes the input, which may be a secret.
			return &Error{Code: CodeInvalid, Message: "the request is not the JSON that is expected"}
		}
		return &Error{Code: CodeInvalid, Message: "the request has a field that this server does not know: server and command may be of different versions"}
	}
	return nil
}
