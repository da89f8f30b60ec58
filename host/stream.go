package host

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/schedule"
)

// OpenStream answers a request with a stream that the caller pulls. It returns
// once a provider has sent the first payload; until then it fails over like
// Execute, afterwards never. The caller closes the stream: closing it early
// frees the upstream and is held against nobody. spec: core.md 2.11.
func (m *Manager) OpenStream(ctx context.Context, providers []string, req executor.Request, opts executor.Options) (executor.Stream, error) {
	s, _, err := m.openStream(ctx, providers, req, opts)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// OpenStreams returns how many streams are open: begun, and not ended or closed.
func (m *Manager) OpenStreams() int { return int(m.streams.Load()) }

// openStream also returns the headers of the last upstream that answered and
// then failed before its first payload; nil if the last failure was another.
func (m *Manager) openStream(ctx context.Context, providers []string, req executor.Request, opts executor.Options) (*stream, *failedStart, error) {
	opts.Stream = true
	r, err := m.newRequest(ctx, providers, req, opts)
	if err != nil {
		return nil, nil, err
	}
	var s *stream
	var failed *failedStart
	at, err := m.run(ctx, r, func(ctx context.Context, at *attempt) (err error) {
		if s, failed, err = m.begin(ctx, at); err == nil {
			s.hold = r.keep() // it is in flight until it is closed
		}
		return err
	})
	if err != nil {
		return nil, failed, err
	}
	s.at = at
	return s, nil, nil
}

// failedStart is what is left of a stream that failed before its first payload.
type failedStart struct {
	headers http.Header
	framing executor.Framing
}

// begin opens the upstream and reads up to its first payload.
func (m *Manager) begin(ctx context.Context, at *attempt) (*stream, *failedStart, error) {
	inner, cancel := context.WithCancel(ctx)
	up, err := m.openUpstream(inner, at)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	s := &stream{m: m, ctx: ctx, up: up, cancel: cancel}
	m.streams.Add(1)
	failed := &failedStart{headers: up.Headers().Clone(), framing: up.Framing()}
	empty := true
	for {
		p, err := m.next(up)
		switch {
		case err == nil && len(p) == 0:
			empty = false
			continue
		case err == nil:
			s.first = p
			return s, nil, nil
		case ended(err) && !empty:
			s.ended = true // nothing but empty payloads is an answer too
			return s, nil, nil
		case ended(err):
			err = emptyStream("closed before its first payload")
		}
		s.release()
		return nil, failed, err
	}
}

func (m *Manager) openUpstream(ctx context.Context, at *attempt) (executor.Stream, error) {
	if opener, ok := at.exec.(auth.StreamOpener); ok {
		up, err := opener.OpenStream(ctx, at.auth, at.req, at.opts)
		if err == nil && up == nil {
			err = emptyStream("has no source")
		}
		return up, err
	}
	res, err := at.exec.ExecuteStream(ctx, at.auth, at.req, at.opts)
	if err != nil {
		return nil, err
	}
	if res == nil || res.Chunks == nil {
		return nil, emptyStream("has no source")
	}
	return newChannelStream(ctx, res), nil
}

func emptyStream(what string) *auth.Error {
	e := fault(auth.CodeEmptyStream, "the upstream stream %s", what)
	e.Retryable = true
	return e
}

// ended reports whether err is the end of a stream. An error that only wraps
// io.EOF is a broken connection.
func ended(err error) bool {
	return err == io.EOF //nolint:errorlint // see above
}

// next pulls from an upstream; a panic in it is an error like any other.
func (m *Manager) next(up executor.Stream) (p []byte, err error) {
	err = m.guarded("upstream stream", func() (err error) {
		p, err = up.Next()
		return err
	})
	return p, err
}

// stream is an upstream that has begun. It marks how it ended, once.
type stream struct {
	m      *Manager
	at     *attempt
	ctx    context.Context // the request's
	up     executor.Stream
	cancel context.CancelFunc
	hold   schedule.Picked[*slot]

	first []byte // the payload that begin has read; nil once it is handed on
	ended bool   // begin has seen the end
	err   error  // what Next returns from now on

	closed    atomic.Bool
	releasing sync.Once
}

// Headers implements executor.Stream.
func (s *stream) Headers() http.Header { return s.up.Headers() }

// Framing implements executor.Stream.
func (s *stream) Framing() executor.Framing { return s.up.Framing() }

// Next implements executor.Stream. Empty payloads are left out.
func (s *stream) Next() ([]byte, error) {
	if p := s.first; p != nil {
		s.first = nil
		return p, nil
	}
	for s.err == nil {
		p, err := []byte(nil), io.EOF
		if !s.ended {
			p, err = s.m.next(s.up)
		}
		if err == nil && len(p) > 0 {
			return p, nil
		}
		if err != nil {
			s.finish(err)
		}
	}
	return nil, s.err
}

// finish marks how the stream ended. When the consumer has left, by Close or by
// its context, nothing was learned.
func (s *stream) finish(err error) {
	s.err = err
	switch {
	case ended(err) && !s.closed.Load():
		s.m.markSuccess(s.ctx, s.at)
	case s.ctx.Err() != nil:
		s.err = s.ctx.Err()
	case !s.closed.Load():
		s.m.markFailure(s.ctx, s.at, err)
	}
	s.release()
}

// Close implements executor.Stream.
func (s *stream) Close() error {
	s.shut()
	return nil
}

func (s *stream) shut() {
	s.closed.Store(true)
	s.release()
}

func (s *stream) release() {
	s.releasing.Do(func() {
		s.m.streams.Add(-1)
		defer s.m.index.Release(s.hold)
		s.cancel()
		s.m.guard("close of an upstream stream", func() {
			if err := s.up.Close(); err != nil {
				s.m.log.Debug("closing an upstream stream failed", "error", err)
			}
		})
	})
}
