package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"
)

// gcPercent lets the load generator and the upstream collect less often than
// what is measured.
const gcPercent = 800

// runUpstream is the provider: hand-written HTTP/1.1 over keep-alive
// connections, prebuilt answers, one write each. It has to be several times as
// fast as the floor, or it would be what is measured.
func runUpstream(ctx context.Context, _ role, p *parent) error {
	debug.SetGCPercent(gcPercent)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	u := &upstream{
		answer: respond(answerBody()), models: respond(modelList),
		open: map[net.Conn]struct{}{},
	}
	var wg sync.WaitGroup
	wg.Go(func() { u.accept(ln, &wg) })
	if err := p.tell(ready{Addr: ln.Addr().String(), PID: os.Getpid()}); err != nil {
		return err
	}
	select {
	case <-p.gone():
	case <-ctx.Done():
	}
	ln.Close()
	u.closeAll()
	wg.Wait()
	return nil
}

type upstream struct {
	answer, models []byte

	mu     sync.Mutex // guards open and closed
	open   map[net.Conn]struct{}
	closed bool
}

func (u *upstream) accept(ln net.Listener, wg *sync.WaitGroup) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		if u.note(c) {
			wg.Go(func() {
				defer u.forget(c)
				// A target that hangs up ends the connection, and it shows at
				// the load generator when it should not have.
				_ = u.serve(c)
			})
		}
	}
}

func (u *upstream) note(c net.Conn) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		c.Close()
		return false
	}
	u.open[c] = struct{}{}
	return true
}

func (u *upstream) forget(c net.Conn) {
	u.mu.Lock()
	delete(u.open, c)
	u.mu.Unlock()
	c.Close()
}

func (u *upstream) closeAll() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	for c := range u.open {
		c.Close()
	}
}

var wantsStream = []byte(`"stream":true`)

func (u *upstream) serve(c net.Conn) error {
	in := newReader(c)
	var out []byte
	var timer *time.Timer
	for {
		first, err := in.head()
		if err != nil {
			return err
		}
		if bytes.HasPrefix(first, []byte("GET ")) {
			if _, err := c.Write(u.models); err != nil {
				return err
			}
			continue
		}
		form := plain
		if bytes.Contains(first, []byte("/envelope ")) {
			form = wrapped
		}
		stream, err := readAsked(in)
		if err != nil {
			return err
		}
		if !stream {
			if _, err := c.Write(u.answer); err != nil {
				return err
			}
			continue
		}
		if timer == nil {
			timer = time.NewTimer(eventInterval)
			defer timer.Stop()
			out = make([]byte, 0, 1<<10)
		}
		if err := u.stream(c, timer, out, form); err != nil {
			return err
		}
	}
}

// readAsked reads a request's body and tells whether it wants a stream.
func readAsked(in *reader) (stream bool, err error) {
	for {
		piece, err := in.piece()
		if errors.Is(err, io.EOF) {
			return stream, nil
		}
		if err != nil {
			return false, fmt.Errorf("read a request: %w", err)
		}
		stream = stream || bytes.Contains(piece, wantsStream)
	}
}

// stream writes the events of one stream, each when it is due, stamped with
// the time of its writing.
func (u *upstream) stream(c net.Conn, timer *time.Timer, out []byte, form shape) error {
	start := time.Now().Add(thinking)
	out = append(out[:0], "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"...)
	for i := range streamEvents {
		timer.Reset(time.Until(start.Add(time.Duration(i) * eventInterval)))
		<-timer.C
		out = form.appendChunk(out, time.Now())
		if i == streamEvents-1 {
			out = fmt.Appendf(out, "%x\r\n%s\r\n0\r\n\r\n", len(eventDone), eventDone)
		}
		if _, err := c.Write(out); err != nil {
			return err
		}
		out = out[:0]
	}
	return nil
}
