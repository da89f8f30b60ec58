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
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// job is one round of load on one target.
type job struct {
	Addr        string `json:"addr"`
	Key         string `json:"key"`
	Connections int    `json:"connections"`
	Stream      bool   `json:"stream"`
	// Warm and Window are how long whole answers are asked for before and while
	// it counts. A stream takes as long as it takes.
	Warm   time.Duration `json:"warm,omitempty"`
	Window time.Duration `json:"window,omitempty"`
}

// mark is a moment of a job at which the target's processor time is read.
type mark struct {
	// Name is begin, open, ending or end. Between open and ending all streams
	// are open; whole answers have only begin and end.
	Name string `json:"name"`
	// Events that have arrived by now.
	Events int64 `json:"events"`
	// Result comes with the end.
	Result *result `json:"result,omitempty"`
}

const (
	markBegin  = "begin"
	markOpen   = "open"
	markEnding = "ending"
	markEnd    = "end"
)

// result is what the load generator saw. Times are in microseconds.
type result struct {
	Requests int64         `json:"requests"`
	Events   int64         `json:"events"`
	Elapsed  time.Duration `json:"elapsed"`
	// P50 and P99 are of whole answers, and of the first event of streams.
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	// DelayP50 and DelayP99 are of an event, from the upstream's write to its
	// arrival here.
	DelayP50 float64 `json:"delay_p50"`
	DelayP99 float64 `json:"delay_p99"`
	// Failed counts what went wrong; Failure is the first of it.
	Failed  int64  `json:"failed"`
	Failure string `json:"failure,omitempty"`
}

// runLoad is the load generator: a job a line, with marks for answer.
func runLoad(ctx context.Context, _ role, p *parent) error {
	debug.SetGCPercent(gcPercent)
	if err := p.tell(ready{PID: os.Getpid()}); err != nil {
		return err
	}
	for ctx.Err() == nil {
		var j job
		if p.next(&j) != nil {
			return nil
		}
		l := &load{job: j, tell: p.tell, request: request(j.Addr, j.Key, j.Stream)}
		l.run(ctx)
	}
	return nil
}

// load is one job under way.
type load struct {
	job
	request []byte

	mu      sync.Mutex // guards tell and failure
	tell    func(any) error
	failure string

	failed   atomic.Int64
	counting atomic.Bool // whole answers that end now count
	stop     atomic.Bool
	events   atomic.Int64
	open     atomic.Int64 // streams that have begun
	ending   sync.Once
}

func (l *load) fail(err error) {
	l.failed.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure == "" {
		l.failure = err.Error()
	}
}

// mark tells the parent of a moment. A parent that does not hear any more is
// gone, and the next line that is read says so.
func (l *load) mark(name string, r *result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.tell(mark{Name: name, Events: l.events.Load(), Result: r})
}

func (l *load) run(ctx context.Context) {
	conns := make([]net.Conn, 0, l.Connections)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range l.Connections {
		c, err := net.Dial("tcp", l.Addr)
		if err != nil {
			l.fail(err)
			l.mark(markEnd, &result{Failed: 1, Failure: err.Error()})
			return
		}
		conns = append(conns, c)
	}
	stop := context.AfterFunc(ctx, func() {
		for _, c := range conns {
			c.Close()
		}
	})
	defer stop()
	r := &result{}
	if l.Stream {
		l.streams(conns, r)
	} else {
		l.whole(conns, r)
	}
	r.Failed = l.failed.Load()
	l.mu.Lock()
	r.Failure = l.failure
	l.mu.Unlock()
	l.mark(markEnd, r)
}

// whole asks for whole answers on all connections, each after the other, for
// as long as the job says.
func (l *load) whole(conns []net.Conn, r *result) {
	took := make([][]time.Duration, len(conns))
	var wg sync.WaitGroup
	for i, c := range conns {
		wg.Go(func() { took[i] = l.askOver(c) })
	}
	<-time.After(l.Warm)
	l.mark(markBegin, nil)
	start := time.Now()
	l.counting.Store(true)
	<-time.After(l.Window)
	l.counting.Store(false)
	r.Elapsed = time.Since(start)
	l.mark(markEnding, nil)
	l.stop.Store(true)
	wg.Wait()
	all := newSpread(took...)
	r.Requests = int64(len(all))
	r.P50, r.P99 = all.at(0.5), all.at(0.99)
}

func (l *load) askOver(c net.Conn) []time.Duration {
	in := newReader(c)
	took := make([]time.Duration, 0, 4<<10)
	for checked := false; !l.stop.Load(); checked = true {
		start := time.Now()
		if err := l.ask(c, in, !checked); err != nil {
			l.fail(err)
			return took
		}
		if l.counting.Load() {
			took = append(took, time.Since(start))
		}
	}
	return took
}

// ask asks once and reads the whole answer; check looks at what is in it.
func (l *load) ask(c net.Conn, in *reader, check bool) error {
	if err := l.send(c, in); err != nil {
		return err
	}
	seen := !check
	for {
		piece, err := in.piece()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		seen = seen || bytes.Contains(piece, []byte(wholeMark))
	}
	if !seen {
		return errors.New("the answer is not the upstream's")
	}
	return nil
}

var okLine = []byte("HTTP/1.1 200")

// send sends the request and reads the head of the answer.
func (l *load) send(c net.Conn, in *reader) error {
	if _, err := c.Write(l.request); err != nil {
		return err
	}
	first, err := in.head()
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(first, okLine) {
		status := string(first)
		body, _ := in.piece()
		return fmt.Errorf("the answer is %q: %.200s", status, body)
	}
	return nil
}

// beginAll is the time over which the streams of a job begin: a few intervals
// of events, so that neither the beginnings nor the events come all at once.
const beginAll = 8 * eventInterval

// streams opens one stream on each connection and reads all to their end.
func (l *load) streams(conns []net.Conn, r *result) {
	firsts := make([][]time.Duration, len(conns))
	delays := make([][]time.Duration, len(conns))
	var wg sync.WaitGroup
	l.mark(markBegin, nil)
	start := time.Now()
	for i, c := range conns {
		begin := start.Add(beginAll * time.Duration(i) / time.Duration(len(conns)))
		wg.Go(func() {
			<-time.After(time.Until(begin))
			var err error
			if firsts[i], delays[i], err = l.readStream(c); err != nil {
				l.fail(err)
			}
		})
	}
	wg.Wait()
	r.Elapsed = time.Since(start)
	first, delay := newSpread(firsts...), newSpread(delays...)
	r.Requests, r.Events = int64(len(first)), int64(len(delay))
	r.P50, r.P99 = first.at(0.5), first.at(0.99)
	r.DelayP50, r.DelayP99 = delay.at(0.5), delay.at(0.99)
}

func (l *load) readStream(c net.Conn) (first, delays []time.Duration, err error) {
	in := newReader(c)
	delays = make([]time.Duration, 0, streamEvents)
	start := time.Now()
	if err := l.send(c, in); err != nil {
		return nil, nil, err
	}
	var events splitter
	for {
		piece, err := in.piece()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return first, delays, err
		}
		now := time.Now()
		events.feed(piece, func(event []byte) {
			stamp, ok := stampOf(event)
			if !ok {
				return
			}
			if len(delays) == 0 {
				first = append(first, now.Sub(start))
			}
			delays = append(delays, now.Sub(stamp))
			l.arrived(len(delays))
		})
	}
	if len(delays) != streamEvents || !events.done {
		return first, delays, fmt.Errorf("a stream ended after %d events of %d", len(delays), streamEvents)
	}
	return first, delays, nil
}

// arrived counts an event, the nth of its stream.
func (l *load) arrived(n int) {
	l.events.Add(1)
	switch n {
	case 1:
		if l.open.Add(1) == int64(l.Connections) {
			l.mark(markOpen, nil)
		}
	case streamEvents - 1:
		l.ending.Do(func() { l.mark(markEnding, nil) })
	}
}

// splitter finds the events in pieces of a stream.
type splitter struct {
	// rest is the beginning of an event whose end has not come.
	rest []byte
	// done is set by the last event of all.
	done bool
}

var eventEnd = []byte("\n\n")

func (s *splitter) feed(piece []byte, each func(event []byte)) {
	if len(s.rest) > 0 {
		s.rest = append(s.rest, piece...)
		piece = s.rest
	}
	for {
		i := bytes.Index(piece, eventEnd)
		if i < 0 {
			break
		}
		s.done = bytes.HasPrefix(piece, []byte("data: [DONE]"))
		each(piece[:i])
		piece = piece[i+len(eventEnd):]
	}
	s.rest = append(s.rest[:0], piece...)
}

var stampMark = []byte(`"content":"`)

// stampOf reads the time in an event.
func stampOf(event []byte) (time.Time, bool) {
	_, after, ok := bytes.Cut(event, stampMark)
	if !ok || len(after) < stampDigits {
		return time.Time{}, false
	}
	ns, err := strconv.ParseInt(string(after[:stampDigits]), 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	return time.Unix(0, ns), true
}
