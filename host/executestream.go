package host

import (
	"bytes"
	"context"

	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/retry"
)

// ExecuteStream is OpenStream as a channel, which is closed after the last
// chunk, and when ctx ends; whoever stops receiving ends ctx. When every
// upstream failed before its first payload, it returns no error but a stream
// with the headers of the last one and a single chunk with its error; a request
// that is itself at fault is an error at once. spec: core.md 2.11.
func (m *Manager) ExecuteStream(ctx context.Context, providers []string, req executor.Request, opts executor.Options) (*executor.StreamResult, error) {
	s, failed, err := m.openStream(ctx, providers, req, opts)
	if err != nil && failed != nil && ctx.Err() == nil && !retry.RequestFault(err) {
		chunks := make(chan executor.StreamChunk, 1)
		chunks <- executor.StreamChunk{Err: err}
		close(chunks)
		return &executor.StreamResult{Headers: failed.headers, Framing: failed.framing, Chunks: chunks}, nil
	}
	if err != nil {
		return nil, err
	}
	chunks := make(chan executor.StreamChunk)
	if !m.spawn(func() { m.forward(ctx, s, chunks) }) {
		s.shut()
		return nil, ErrClosed
	}
	return &executor.StreamResult{Headers: s.Headers(), Framing: s.Framing(), Chunks: chunks}, nil
}

// forward pulls until the stream ends, the consumer leaves or the manager is
// closed.
func (m *Manager) forward(ctx context.Context, s *stream, chunks chan<- executor.StreamChunk) {
	defer close(chunks)
	defer s.shut()
	unblock := context.AfterFunc(m.base, s.shut)
	defer unblock()
	// The select below may send as well as notice that the consumer has left;
	// what it notices counts from the next payload on.
	for ctx.Err() == nil {
		p, err := s.Next()
		if ended(err) {
			return
		}
		// The payload is only ours until the next pull; the consumer may keep it.
		chunk := executor.StreamChunk{Payload: bytes.Clone(p), Err: err}
		select {
		case chunks <- chunk:
		case <-ctx.Done():
			return
		case <-m.base.Done():
			return
		}
		if err != nil {
			return
		}
	}
}
