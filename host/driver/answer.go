package driver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/patchbay-dev/patchbay/host/egress"
)

// answer is an upstream answer that is being read. Its body is decoded, and a
// read that gets nothing for the idle time ends with errIdle.
type answer struct {
	ctx    context.Context
	cancel context.CancelFunc
	resp   *http.Response
	body   io.Reader
	target string

	idle  time.Duration
	timer *time.Timer
	quiet atomic.Bool // the timer fired

	ahead *ahead // a read that is waited for by nobody; nil when there is none
	// head was read already, for an inspection, and is read again; end, if set,
	// comes behind it.
	head []byte
	end  error
}

// ahead is a read that goes on after readFor stopped waiting for it. Its
// goroutine ends with the read, and close waits for that.
type ahead struct {
	done chan struct{} // closed when what follows is there
	buf  []byte
	n    int
	err  error
}

// errLater says that a read goes on; the next one gets what it brings.
var errLater = errors.New("the read goes on")

// errIdle ends an answer that sent nothing for its idle time.
var errIdle = errors.New("the upstream sent nothing for the idle time")

// newAnswer prepares an exchange whose context ends with ctx, and when the
// upstream is silent for idle.
func newAnswer(ctx context.Context, idle time.Duration) *answer {
	u := &answer{idle: idle}
	u.ctx, u.cancel = context.WithCancel(ctx)
	u.timer = time.AfterFunc(idle, func() {
		u.quiet.Store(true)
		u.cancel()
	})
	return u
}

// Read reads decoded bytes. The idle time runs only while a read waits, so a
// slow client is not taken for a silent upstream.
func (u *answer) Read(p []byte) (int, error) {
	if len(u.head) > 0 {
		n := copy(p, u.head)
		u.head = u.head[n:]
		return n, nil
	}
	if u.end != nil {
		return 0, u.end
	}
	if u.ahead != nil {
		<-u.ahead.done
		return u.arrived(p)
	}
	return u.read(p)
}

// readFor is Read that stops waiting after d, with errLater.
func (u *answer) readFor(p []byte, d time.Duration) (int, error) {
	if u.ahead == nil {
		r := &ahead{done: make(chan struct{}), buf: make([]byte, len(p))}
		u.ahead = r
		go func() {
			defer close(r.done)
			r.n, r.err = u.read(r.buf)
		}()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-u.ahead.done:
		return u.arrived(p)
	case <-timer.C:
		return 0, errLater
	}
}

// arrived hands on what the read ahead brought.
func (u *answer) arrived(p []byte) (int, error) {
	r := u.ahead
	n := copy(p, r.buf[:r.n])
	if n < r.n {
		r.buf, r.n = r.buf[n:], r.n-n
		return n, nil
	}
	u.ahead = nil
	return n, r.err
}

func (u *answer) read(p []byte) (int, error) {
	u.timer.Reset(u.idle)
	n, err := u.body.Read(p)
	u.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) && u.quiet.Load() {
		err = errIdle
	}
	return n, err
}

// drainTime and drainBytes bound what is spent on reading the rest of an
// answer, so that its connection can be used again.
const (
	drainTime  = 100 * time.Millisecond
	drainBytes = 16 << 10
)

// drain reads what is left behind the last event, which is usually nothing but
// the end.
func (u *answer) drain() {
	if u.ahead != nil {
		return
	}
	u.idle = min(u.idle, drainTime)
	var sink [512]byte
	for total := 0; total < drainBytes; {
		n, err := u.Read(sink[:])
		if total += n; err != nil {
			return
		}
	}
}

func (u *answer) close() {
	u.timer.Stop()
	u.cancel()
	if u.resp != nil {
		u.resp.Body.Close()
	}
	if u.ahead != nil {
		<-u.ahead.done
	}
}

// timeout is the door's error for an idle answer.
func (u *answer) timeout() error {
	return &egress.Error{Reason: egress.Timeout, Target: u.target, Err: errIdle}
}

// readAll reads at most limit bytes and reports whether there were more.
func (u *answer) readAll(limit int64) (body []byte, more bool, err error) {
	if n := u.resp.ContentLength; n > 0 && n < limit && u.resp.Header.Get("Content-Encoding") == "" {
		body = make([]byte, 0, n+1)
	} else {
		body = make([]byte, 0, 4<<10)
	}
	for {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		n, err := u.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if int64(len(body)) > limit {
			return body[:limit], true, nil
		}
		if errors.Is(err, io.EOF) {
			return body, false, nil
		}
		if err != nil {
			return body, false, err
		}
	}
}
