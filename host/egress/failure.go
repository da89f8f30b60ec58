package egress

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http/httptrace"
	"sync/atomic"
)

// progress watches how far a request got.
type progress struct{ asked, wrote atomic.Bool }

func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:      func(string) { p.asked.Store(true) },
		WroteHeaders: func() { p.wrote.Store(true) },
	}
}

// maybeSent reports whether the other side may have received the request: its
// head was written, or the transport tells nothing of what it does.
func (p *progress) maybeSent() bool { return p.wrote.Load() || !p.asked.Load() }

// failure says why there was no answer. The caller adds the target.
func failure(ctx context.Context, err error, sent bool) *Error {
	if own, ok := errors.AsType[*Error](err); ok {
		return &Error{Reason: own.Reason, Rule: own.Rule, Err: own.Err}
	}
	e := &Error{Reason: Unreachable, Err: err}
	switch {
	case sent && isTimeout(ctx, err):
		e.Reason = Timeout
	case sent:
		e.Reason = Broken
	}
	// The transport may return the context's cause instead of its error.
	if ctx.Err() != nil {
		e.Err = ctx.Err()
	}
	return e
}

func isTimeout(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return errors.Is(ctx.Err(), context.DeadlineExceeded)
	}
	timed, ok := errors.AsType[net.Error](err)
	return ok && timed.Timeout()
}

// body names the target in the errors of reading.
type body struct {
	io.ReadCloser
	ctx  context.Context
	dest Destination
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	e := failure(b.ctx, err, true)
	e.Target = target(b.dest)
	return n, e
}
