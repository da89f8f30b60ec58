package gateway

import (
	"errors"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/host/wire"
)

// exchange is one request and its answer. It is the ResponseWriter that
// handlers see, and gathers what the log line says. It belongs to the
// goroutine of the request, but for attempts and credential.
type exchange struct {
	gw    *Gateway
	w     http.ResponseWriter
	rc    *http.ResponseController
	r     *http.Request
	start time.Time
	id    string
	// limits are those that were in force when the request came.
	limits *settings.Limits

	route string
	// probe: a question about health, which comes every few seconds and goes
	// to the log at debug only.
	probe  bool
	keyID  string
	model  string
	stream bool
	// known: some credential offers the model.
	known  bool
	format wire.Format
	// attempts and credential are set by the manager, on any goroutine.
	attempts   atomic.Int64
	credential atomic.Pointer[string]

	// status is 0 until the header is written.
	status    int
	firstByte time.Time
	bytesOut  int64
	// code and cause say why the request failed.
	code  string
	cause error
	// broken is set when the client cannot be written to any more.
	broken bool
	// deadline is when the write that runs has to be done.
	deadline time.Time
	// lastPiece is when the last piece of a stream was sent.
	lastPiece time.Time
	// events is not nil while the answer is a stream.
	events *eventWriter
}

// begin starts an exchange. From here the clocks of the connection run: what
// the client sends and takes has to come in time.
func (g *Gateway) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{gw: g, w: w, rc: http.NewResponseController(w), r: r, start: g.now(), id: newRequestID(), limits: g.limits.Load(), format: wire.OpenAIChat}
	header := w.Header()
	header.Set("X-Request-Id", x.id)
	if g.server != "" {
		header.Set("Server", g.server)
	}
	if r.ContentLength < 0 {
		// Beside chunks, net/http takes a Content-Length for air. If a proxy
		// before us believed it, what follows on this connection is not what
		// the proxy thinks it is; so nothing follows. faults.md K-04.
		header.Set("Connection", "close")
	}
	if r.ContentLength != 0 {
		x.readBy(time.Now().Add(g.timing.bodyIdle))
	}
	if x.probe = isProbe(r); !x.probe {
		g.observer.RequestBegan()
	}
	// A deadline of an earlier request on this connection may still stand.
	x.renewWrite()
	return x
}

// isProbe reports whether r asks about health: every few seconds, for nobody.
func isProbe(r *http.Request) bool {
	return r.Method == http.MethodGet && (r.URL.Path == "/healthz" || r.URL.Path == "/readyz")
}

func exchangeOf(c echo.Context) *exchange {
	return c.Response().Writer.(*exchange) // serve passes nothing else
}

// picked is called by the manager with every credential that it tries.
func (x *exchange) picked(id string) {
	x.attempts.Add(1)
	x.credential.Store(&id)
}

// Header implements http.ResponseWriter.
func (x *exchange) Header() http.Header { return x.w.Header() }

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	if x.status != 0 {
		return
	}
	x.status = status
	x.w.WriteHeader(status)
}

// Write implements http.ResponseWriter. Each write has its own deadline, so
// that a long answer may take its time and a client that reads nothing may not.
func (x *exchange) Write(p []byte) (int, error) {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	if x.firstByte.IsZero() {
		x.firstByte = x.gw.now()
	}
	x.renewWrite()
	n, err := x.w.Write(p)
	x.bytesOut += int64(n)
	if err != nil {
		x.writeFailed(err)
	}
	return n, err
}

// Unwrap lets an http.ResponseController find what is below.
func (x *exchange) Unwrap() http.ResponseWriter { return x.w }

func (x *exchange) flush() {
	if err := x.rc.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		x.writeFailed(err)
	}
}

func (x *exchange) writeFailed(err error) {
	x.broken = true
	if x.code == "" {
		x.code = codeClientGone
		if errors.Is(err, os.ErrDeadlineExceeded) {
			x.code = codeClientSlow
		}
	}
}

// renewWrite moves the deadline of writes, at most once a second: a stream has
// thousands of writes.
func (x *exchange) renewWrite() {
	until := time.Now().Add(x.gw.timing.write)
	if until.Sub(x.deadline) < min(time.Second, x.gw.timing.write/4) {
		return
	}
	x.deadline = until
	// A writer without deadlines is one of a test, in memory.
	_ = x.rc.SetWriteDeadline(until)
}

// readBy sets when the next read from the client has to be done; the zero time
// means never.
func (x *exchange) readBy(t time.Time) { _ = x.rc.SetReadDeadline(t) }

// writePiece is how much of a whole answer is written at once.
const writePiece = 64 << 10

// writeWhole writes an answer that is there as a whole.
func (x *exchange) writeWhole(status int, contentType string, body []byte) {
	header := x.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("X-Content-Type-Options", "nosniff")
	x.WriteHeader(status)
	for len(body) > 0 && !x.broken {
		n := min(len(body), writePiece)
		if _, err := x.Write(body[:n]); err != nil {
			return
		}
		body = body[n:]
	}
}
