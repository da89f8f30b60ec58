package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/wire"
)

// streamed pulls a stream on the goroutine of the request. Until its first
// byte a failure is an answer with a status; after it, an event.
func (g *Gateway) streamed(ctx context.Context, x *exchange, providers []string, req executor.Request, opts executor.Options) {
	s, err := g.manager.OpenStream(ctx, providers, req, opts)
	if err != nil {
		x.fail(x.describe(ctx, err))
		return
	}
	defer closing(ctx, s)()
	piece, err := nextPiece(s)
	if errors.Is(err, io.EOF) {
		err = &auth.Error{Code: auth.CodeEmptyStream, Message: "the provider's stream ended before it began"}
	}
	if err != nil {
		x.fail(x.describe(ctx, err))
		return
	}
	passHeaders(x.Header(), s.Headers())
	x.events = newEventWriter(x, s.Framing())
	for {
		if x.events.write(piece); x.broken {
			return
		}
		if piece, err = nextPiece(s); err != nil {
			break
		}
	}
	if errors.Is(err, io.EOF) {
		x.events.done()
		return
	}
	x.fail(x.describe(ctx, err))
}

// closing closes s as soon as ctx ends, since Next need not watch it, and
// returns what closes it in any case and waits.
func closing(ctx context.Context, s executor.Stream) func() {
	closed := make(chan struct{})
	// What Close reports is of no use any more: the stream's outcome is known.
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		_ = s.Close()
	})
	return func() {
		if !stop() {
			<-closed
		}
		_ = s.Close()
	}
}

// nextPiece returns the next piece that is not empty.
func nextPiece(s executor.Stream) ([]byte, error) {
	for {
		piece, err := s.Next()
		if err != nil || len(piece) > 0 {
			return piece, err
		}
	}
}

// eventWriter writes a stream to the client, flushed piece by piece.
type eventWriter struct {
	x       *exchange
	framing executor.Framing
	buf     []byte
	// tail is the end of what was written, to tell whether an event is open.
	tail []byte
}

// newEventWriter writes the header of a stream.
func newEventWriter(x *exchange, framing executor.Framing) *eventWriter {
	header := x.Header()
	header.Set("Content-Type", wire.StreamContentType(x.format))
	header.Set("Cache-Control", "no-cache")
	header.Set("X-Accel-Buffering", "no")
	header.Set("X-Content-Type-Options", "nosniff")
	x.WriteHeader(http.StatusOK)
	x.gw.observer.StreamBegan()
	return &eventWriter{x: x, framing: framing}
}

// write passes one piece on: as it is if it is framed already, else as one
// event. A failure shows in x.broken.
func (w *eventWriter) write(piece []byte) {
	if w.framing == executor.FramingWire {
		w.send(piece)
		return
	}
	w.buf = wire.AppendEvent(w.buf[:0], w.x.format, piece)
	w.send(w.buf)
}

// pieceSent tells the observer how long ago the piece before this one was sent.
func (x *exchange) pieceSent() {
	now := x.gw.now()
	if !x.lastPiece.IsZero() {
		x.gw.observer.StreamEvent(now.Sub(x.lastPiece))
	}
	x.lastPiece = now
}

// done ends a complete stream. One that came framed has brought its own end.
func (w *eventWriter) done() {
	if w.framing == executor.FramingWire {
		return
	}
	if end := wire.StreamDone(w.x.format); len(end) > 0 {
		w.send(end)
	}
}

// fail ends the stream with an error event. An event that the provider left
// open is closed first, or the client would read the error as a part of it.
func (w *eventWriter) fail(e wire.APIError) {
	event := wire.ErrorEvent(w.x.format, e)
	if !atBorder(w.tail) {
		event = append([]byte("\n\n"), event...)
	}
	w.send(event)
}

func (w *eventWriter) send(p []byte) {
	if _, err := w.x.Write(p); err != nil {
		return
	}
	w.x.flush()
	w.x.pieceSent()
	w.tail = append(w.tail, p[max(0, len(p)-tailLength):]...)
	w.tail = w.tail[max(0, len(w.tail)-tailLength):]
}

// tailLength is enough to see a blank line: a line's end, and CR LF.
const tailLength = 3

// atBorder reports whether what ends with tail is at the border between two
// events: at the start, or after an empty line, ended by CR, LF or CR LF.
func atBorder(tail []byte) bool {
	if len(tail) == 0 {
		return true
	}
	rest, ended := bytes.CutSuffix(tail, []byte("\r\n"))
	if !ended {
		if rest, ended = bytes.CutSuffix(tail, []byte("\n")); !ended {
			rest, ended = bytes.CutSuffix(tail, []byte("\r"))
		}
	}
	return ended && (len(rest) == 0 && len(tail) < tailLength || bytes.HasSuffix(rest, []byte("\n")) || bytes.HasSuffix(rest, []byte("\r")))
}
