package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

const (
	// maxLoggedModel is how much of a model's name the log gets, in bytes.
	maxLoggedModel = 128
	maxStack       = 16 << 10
)

// end finishes an exchange: it keeps a panic to this request, and writes the
// log line. It must be deferred itself.
func (x *exchange) end() {
	p := recover()
	abort := false
	if p != nil {
		err, _ := p.(error)
		// An answer that is cut short must not look whole; a stream says so
		// itself, for anything else the connection has to go.
		onPurpose := errors.Is(err, http.ErrAbortHandler)
		abort = onPurpose || x.status != 0 && x.events == nil
		if !onPurpose {
			x.logPanic(p)
		}
		x.fail(&problem{status: http.StatusInternalServerError, code: codeInternal, message: messageInternal})
	}
	x.conclude()
	if abort {
		panic(http.ErrAbortHandler)
	}
}

func (x *exchange) logPanic(p any) {
	stack := debug.Stack()
	x.gw.log.LogAttrs(context.WithoutCancel(x.r.Context()), slog.LevelError, "panic",
		slog.String("request_id", x.id), slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(stack[:min(len(stack), maxStack)])))
}

// conclude writes the log line and tells the observer.
func (x *exchange) conclude() {
	now, status := x.gw.now(), x.status
	if status == 0 {
		status = statusClientGone
	}
	x.logRequest(now, status)
	if !x.probe {
		x.observe(now, status)
	}
}

// logRequest writes the one line of the request. It holds no header, no body
// and no path that the client made up.
func (x *exchange) logRequest(now time.Time, status int) {
	attrs := make([]slog.Attr, 0, 16)
	add := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	add("request_id", x.id)
	add("key_id", x.keyID)
	add("method", capped(x.r.Method, 16))
	add("route", x.route)
	if x.model != "" {
		add("model", capped(x.model, maxLoggedModel))
		attrs = append(attrs, slog.Bool("stream", x.stream))
	}
	if id := x.credential.Load(); id != nil {
		add("credential", *id)
	}
	if n := x.attempts.Load(); n > 0 {
		attrs = append(attrs, slog.Int64("attempts", n))
	}
	attrs = append(attrs, slog.Int("status", status))
	if !x.firstByte.IsZero() {
		attrs = append(attrs, slog.Float64("ttfb_ms", millis(x.firstByte.Sub(x.start))))
	}
	attrs = append(attrs, slog.Float64("total_ms", millis(now.Sub(x.start))), slog.Int64("bytes_out", x.bytesOut))
	add("code", x.code)
	if x.cause != nil {
		attrs = append(attrs, slog.String("error", capped(x.cause.Error(), 512)))
	}
	level := slog.LevelInfo
	if x.probe {
		level = slog.LevelDebug
	}
	x.gw.log.LogAttrs(context.WithoutCancel(x.r.Context()), level, "request", attrs...)
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// capped returns at most n bytes of s, as valid UTF-8.
func capped(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
