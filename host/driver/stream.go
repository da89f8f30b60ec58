package driver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/wire/frame"
)

// readSize is how much one read of an upstream takes, in bytes. A stream holds
// its buffer while it waits, and an event is a few hundred bytes: of 1,000
// streams, buffers of 32 KiB were half of the live heap.
const readSize = 8 << 10

var readBuffers = sync.Pool{New: func() any { return new([readSize]byte) }}

// stream pulls an attempt. Its chunks are the bytes that the client gets.
//
// Next and Close may meet: lease holds one token, taken by whoever touches the
// attempt. Close first cancels the context, which ends a Next that waits, and
// then takes the token for good.
type stream struct {
	headers http.Header
	cancel  context.CancelFunc
	lease   chan struct{}
	closed  chan struct{} // closed by the first Close
	once    sync.Once

	// What follows belongs to the holder of the lease.
	at     *attempt
	buf    *[readSize]byte
	events []abi.Event
	first  []byte // what begin read
	lent   bool   // at.out was returned by the last Next
	late   error  // comes after what was given last
	err    error
}

var _ executor.Stream = (*stream)(nil)

func newStream(at *attempt) *stream {
	s := &stream{
		cancel: at.cancel, at: at,
		lease: make(chan struct{}, 1), closed: make(chan struct{}),
		buf: readBuffers.Get().(*[readSize]byte),
	}
	s.lease <- struct{}{}
	return s
}

// begin waits for the first bytes: until they are there nothing is committed, and
// a failure, also one within a stream, is an error like that of a refused
// request.
func (s *stream) begin() error {
	p, err := s.pull()
	if err != nil && !ended(err) {
		return err
	}
	s.first, s.headers = p, s.at.shown
	return nil
}

// ended reports whether err is the end of a stream. One that only wraps io.EOF
// is a broken connection.
func ended(err error) bool {
	return err == io.EOF //nolint:errorlint // see above
}

// Headers implements executor.Stream.
func (s *stream) Headers() http.Header { return s.headers }

// Framing implements executor.Stream.
func (s *stream) Framing() executor.Framing { return executor.FramingWire }

// Next implements executor.Stream.
func (s *stream) Next() ([]byte, error) {
	select {
	case <-s.closed:
		return nil, context.Canceled
	case <-s.lease:
	}
	defer func() { s.lease <- struct{}{} }()
	if p := s.first; len(p) > 0 {
		s.first = nil
		return p, nil
	}
	return s.pull()
}

// Close implements executor.Stream.
func (s *stream) Close() error {
	s.once.Do(func() {
		s.cancel()
		close(s.closed)
		<-s.lease
		s.finish(context.Canceled)
	})
	return nil
}

// finish keeps the final error and lets everything go.
func (s *stream) finish(err error) {
	if s.err != nil {
		return
	}
	s.err = err
	if ended(err) {
		s.at.stage = stageDone
	}
	s.at.leave()
	readBuffers.Put(s.buf)
	s.buf = nil
}

func (s *stream) pull() ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	p, err := s.advance()
	if err != nil {
		s.finish(err)
		return nil, err
	}
	return p, nil
}

// advance returns the next bytes for the client, io.EOF at the end.
func (s *stream) advance() ([]byte, error) {
	at := s.at
	if s.lent {
		s.lent = false
		if at.out = at.out[:0]; cap(at.out) > keepBuffer {
			at.out = nil
		}
	}
	for {
		if len(at.out) > 0 {
			s.lent = true
			return at.out, nil
		}
		var err error
		switch at.stage {
		case stageTodo:
			s.late = nil // what it belonged to is over
			err = at.perform()
		case stagePass:
			if at.unwraps == nil {
				return s.pass()
			}
			err = s.unwrap()
		case stageEvents:
			err = s.pump()
		default:
			if at.answer != nil {
				at.answer.drain()
			}
			return nil, io.EOF
		}
		if err != nil {
			return nil, err
		}
	}
}

// pass gives what one read of the upstream gave.
func (s *stream) pass() ([]byte, error) {
	at := s.at
	if s.late != nil {
		return nil, s.broken(s.late)
	}
	for {
		at.park()
		n, err := at.answer.Read(s.buf[:])
		if n > 0 {
			s.late = err
			return s.buf[:n], nil
		}
		if err != nil {
			return nil, s.broken(err)
		}
	}
}

// broken is the error of a body that ended; a clean end stays io.EOF.
func (s *stream) broken(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return s.at.unanswered(s.at.answer, err)
}

// pump reads until at least one event is complete, and gives the guest all
// that are, in one call.
func (s *stream) pump() error {
	at := s.at
	if s.late != nil { // the events before it were given
		return s.late
	}
	s.events = s.events[:0]
	for {
		n, err := s.read()
		if errors.Is(err, errLater) {
			at.overHeld()
			return nil
		}
		if n > 0 {
			at.splitter.Feed(s.buf[:n])
			if s.late = s.collect(); s.late != nil {
				if len(s.events) == 0 {
					return s.late
				}
				return s.deliver(abi.EOFNone, nil)
			}
		}
		eof := abi.EOFNone
		if err != nil {
			if ended := at.ctx.Err(); ended != nil {
				return ended
			}
			if eof = eofOf(err); eof == abi.EOFClean {
				if ev, ok, _ := at.splitter.End(); ok {
					s.events = append(s.events, at.event(ev))
				}
			}
		}
		if len(s.events) == 0 && eof == abi.EOFNone {
			continue
		}
		return s.deliver(eof, err)
	}
}

// read waits no longer than chunks may be held.
func (s *stream) read() (int, error) {
	s.at.park()
	if at := s.at; len(at.held.framed) > 0 {
		return at.answer.readFor(s.buf[:], time.Until(at.held.until))
	}
	return s.at.answer.Read(s.buf[:])
}

// unwrap reads until at least one event has given something, or the body ended.
func (s *stream) unwrap() error {
	at := s.at
	if s.late != nil {
		return s.late
	}
	if at.splitter == nil {
		at.splitter = at.newSplitter()
	}
	for len(at.out) == 0 {
		n, err := at.answer.Read(s.buf[:])
		at.splitter.Feed(s.buf[:n])
		s.late = s.unwrapAll()
		switch {
		case s.late != nil:
		case errors.Is(err, io.EOF):
			if ev, ok, _ := at.splitter.End(); ok {
				s.late = at.unwrap(ev)
			}
			if s.late == nil {
				s.late = at.unwrapEnd()
			}
			if s.late == nil {
				at.stage = stageDone
			}
		case err != nil:
			s.late = at.unanswered(at.answer, err)
		}
		if s.late != nil && len(at.out) == 0 {
			return s.late
		}
	}
	return nil
}

// unwrapAll gives what the complete events hold.
func (s *stream) unwrapAll() error {
	for {
		ev, ok, err := s.at.splitter.Next()
		if err != nil {
			return badEvent(err)
		}
		if !ok {
			return nil
		}
		if err := s.at.unwrap(ev); err != nil {
			return err
		}
	}
}

// deliver gives the guest a batch. End is how the body ended, when it did.
func (s *stream) deliver(eof abi.Eof, end error) error {
	at := s.at
	err := at.ask(abi.OpEvents, &abi.EventsInput{Op: at.op, Step: at.step, State: at.state, Events: s.events, EOF: eof})
	if err != nil || eof == abi.EOFNone {
		return err
	}
	switch at.stage {
	case stageEvents:
		return at.brokenAt(abi.OpEvents, "wait answers the last batch of a stream that is over")
	case stagePass:
		s.late = end // what is left to pass is the end
		return nil
	}
	at.closeAnswer()
	return nil
}

// collect takes every complete event out of the splitter.
func (s *stream) collect() error {
	for {
		ev, ok, err := s.at.splitter.Next()
		if err != nil {
			return badEvent(err)
		}
		if !ok {
			return nil
		}
		s.events = append(s.events, s.at.event(ev))
	}
}

// event is an event as a guest gets it.
func (a *attempt) event(ev frame.Event) abi.Event {
	scrub := a.scrubber()
	return abi.Event{Name: toText(scrub.text(ev.Name)), Data: scrub.bytes(ev.Data), ID: toText(scrub.text(ev.ID))}
}

func eofOf(err error) abi.Eof {
	switch {
	case errors.Is(err, io.EOF):
		return abi.EOFClean
	case errors.Is(err, errIdle):
		return abi.EOFIdle
	}
	return abi.EOFReset
}

// forward pumps a stream into a channel until it ends or ctx does.
func forward(ctx context.Context, s executor.Stream, chunks chan<- executor.StreamChunk) {
	defer close(chunks)
	defer func() { _ = s.Close() }() // it never fails
	for {
		p, err := s.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		chunk := executor.StreamChunk{Payload: append([]byte(nil), p...), Err: err}
		select {
		case chunks <- chunk:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}
