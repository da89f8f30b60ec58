package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/executor"
)

const done = "data: [DONE]\n\n"

func TestStreamIsFramed(t *testing.T) {
	b := newBench(t)
	s := newStream(executor.FramingPayload, io.EOF, `{"a":1}`, "", `{"b":"👋"}`)
	s.header = http.Header{"X-Ratelimit-Limit-Tokens": {"5"}, "Set-Cookie": {"x=y"}, "Content-Length": {"3"}}
	b.mgr.open = func(_ context.Context, _ executor.Request, opts executor.Options) (executor.Stream, error) {
		if !opts.Stream {
			t.Error("not asked for a stream")
		}
		return s, nil
	}
	w := b.do("POST", chatPath, streamBody)
	if want := "data: {\"a\":1}\n\ndata: {\"b\":\"👋\"}\n\n" + done; w.Code != 200 || w.Body.String() != want {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no", "X-Ratelimit-Limit-Tokens": "5",
		"Set-Cookie": "", "Content-Length": "",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if s.closes == 0 {
		t.Error("the stream was not closed")
	}
}

func TestFramedStreamIsPassedOn(t *testing.T) {
	b := newBench(t)
	b.mgr.open = opening(newStream(executor.FramingWire, io.EOF, ": hi\n\nda", "ta: {\"x\":\"\xf0\x9f", "\x91\x8b\"}\r\n\r\n", done))
	if w := b.do("POST", chatPath, streamBody); w.Body.String() != ": hi\n\ndata: {\"x\":\"👋\"}\r\n\r\n"+done {
		t.Errorf("%q", w.Body)
	}
}

func TestStreamThatFailsBeforeItsFirstByteIsAnError(t *testing.T) {
	b := newBench(t)
	rateLimited := &executor.UpstreamError{Status: 429, Retry: seconds(5)}
	for name, c := range map[string]struct {
		open   func(context.Context, executor.Request, executor.Options) (executor.Stream, error)
		status int
	}{
		"refused": {func(context.Context, executor.Request, executor.Options) (executor.Stream, error) {
			return nil, rateLimited
		}, 429},
		"first read": {opening(newStream(executor.FramingWire, rateLimited, "")), 429},
		"empty":      {opening(newStream(executor.FramingPayload, io.EOF)), 502},
		"panics":     {opening(panicking{newStream(executor.FramingPayload, nil)}), 500},
	} {
		b.mgr.open = c.open
		w := b.do("POST", chatPath, streamBody)
		if errorOf(t, w.Body.String()); w.Code != c.status || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		if w.Code == 429 && w.Header().Get("Retry-After") != "5" {
			t.Errorf("%s: no Retry-After", name)
		}
	}
}

// panicking gives its pieces, then panics.
type panicking struct{ *fakeStream }

func (p panicking) Next() ([]byte, error) {
	if len(p.pieces) == 0 {
		panic("the stream broke")
	}
	return p.fakeStream.Next()
}

// TestErrorAfterTheFirstByte: one event in the client's format, and no [DONE].
func TestErrorAfterTheFirstByte(t *testing.T) {
	b := newBench(t)
	broke := &executor.UpstreamError{Err: errors.New("reset")}
	for name, c := range map[string]struct {
		stream executor.Stream
		before string // what stands before the error event
		code   string
	}{
		"payload":       {newStream(executor.FramingPayload, broke, `{"a":1}`), "data: {\"a\":1}\n\n", codeUpstream},
		"at a border":   {newStream(executor.FramingWire, broke, "data: 1\n", "\n"), "data: 1\n\n", codeUpstream},
		"in an event":   {newStream(executor.FramingWire, broke, "data: 1\n\nda", "ta: {\"b"), "data: 1\n\ndata: {\"b\n\n", codeUpstream},
		"after a line":  {newStream(executor.FramingWire, broke, "data: 1\r"), "data: 1\r\n\n", codeUpstream},
		"panic":         {panicking{newStream(executor.FramingPayload, nil, "1")}, "data: 1\n\n", codeInternal},
		"rate limit":    {newStream(executor.FramingPayload, &executor.UpstreamError{Status: 429}, "1"), "data: 1\n\n", codeRateLimited},
		"refused late":  {newStream(executor.FramingPayload, &executor.UpstreamError{Status: 400, Body: []byte(providerBody)}, "1"), "data: 1\n\n", codeUpstream},
		"wrong key":     {newStream(executor.FramingPayload, &executor.UpstreamError{Status: 401}, "1"), "data: 1\n\n", "auth_unavailable"},
		"unknown error": {newStream(executor.FramingPayload, errors.New("detail"), "1"), "data: 1\n\n", codeInternal},
	} {
		b.mgr.open = opening(c.stream)
		w := b.do("POST", chatPath, streamBody)
		rest, ok := strings.CutPrefix(w.Body.String(), c.before)
		if !ok || w.Code != 200 {
			t.Errorf("%s: %d %q", name, w.Code, w.Body)
			continue
		}
		event, ok := strings.CutPrefix(rest, "data: ")
		event, ended := strings.CutSuffix(event, "\n\n")
		if !ok || !ended || strings.Contains(event, "\n") || strings.Contains(rest, "[DONE]") {
			t.Errorf("%s: ends with %q", name, rest)
			continue
		}
		if e := errorOf(t, event); e["code"] != c.code || e["request_id"] != w.Header().Get("X-Request-Id") {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// open starts a stream over a real connection and returns a reader of its
// lines.
func (b *bench) openStream(t *testing.T, ctx context.Context, addr string) (*http.Response, *bufio.Reader) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "POST", "http://"+addr+chatPath, strings.NewReader(streamBody))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+b.key)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp, bufio.NewReader(resp.Body)
}

func readLine(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	line, err := r.ReadString('\n')
	if err != nil {
		t.Fatalf("%q, then %v", line, err)
	}
	return line
}

// TestEachEventIsFlushed: the next piece comes only after the client has seen
// the one before.
func TestEachEventIsFlushed(t *testing.T) {
	b := newBench(t)
	s := gated()
	b.mgr.open = opening(s)
	addr, _ := b.listen(t)
	go func() { s.gate <- "0" }()
	_, r := b.openStream(t, t.Context(), addr)
	for i := range 5 {
		if line := readLine(t, r); line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("got %q", line)
		}
		readLine(t, r)
		if i < 4 {
			s.gate <- fmt.Sprint(i + 1)
		}
	}
	close(s.gate)
	if rest, err := io.ReadAll(r); err != nil || string(rest) != done {
		t.Errorf("%q %v", rest, err)
	}
}

// TestClientThatLeaves is K-01: the stream is closed, nothing stays behind, and
// the log says who ended it.
func TestClientThatLeaves(t *testing.T) {
	for _, when := range []string{"before the stream", "before the first byte", "in the stream"} {
		t.Run(when, func(t *testing.T) {
			b := newBench(t)
			s := gated()
			opened, left := make(chan struct{}), make(chan time.Time, 1)
			b.mgr.open = func(ctx context.Context, _ executor.Request, _ executor.Options) (executor.Stream, error) {
				close(opened)
				if when == "before the stream" {
					<-ctx.Done()
					left <- time.Now()
					return nil, ctx.Err()
				}
				return s, nil
			}
			addr, _ := b.listen(t)
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", chatPath, b.key, len(streamBody), streamBody)
			<-opened
			if when == "in the stream" {
				s.gate <- "1"
				readLine(t, bufio.NewReader(conn))
			}
			closed := time.Now()
			conn.Close()
			if when != "before the stream" {
				<-s.closed
				left <- time.Now()
			}
			if took := (<-left).Sub(closed); took > time.Second {
				t.Errorf("it took %v", took)
			}
			eventually(t, "the log line", func() bool { return len(b.log.lines(t)) == 1 })
			line := b.log.lines(t)[0]
			want := 499.0
			if when == "in the stream" {
				want = 200
			}
			if line["status"] != want || line["code"] != codeClientGone {
				t.Errorf("logged %v", line)
			}
		})
	}
}

// TestFaultK02ClientThatReadsNothing: it is cut off, and the stream with it.
func TestFaultK02ClientThatReadsNothing(t *testing.T) {
	b := newBench(t)
	b.gw.timing.write = 200 * time.Millisecond
	big := strings.Repeat("x", 64<<10)
	s := &endless{fakeStream: newStream(executor.FramingPayload, nil), piece: []byte(big)}
	b.mgr.open = opening(s)
	addr, _ := b.listen(t)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", chatPath, b.key, len(streamBody), streamBody)
	select {
	case <-s.closed:
	case <-time.After(10 * time.Second):
		t.Fatal("the client was not cut off")
	}
	eventually(t, "the log line", func() bool { return len(b.log.lines(t)) == 1 })
	if line := b.log.lines(t)[0]; line["code"] != codeClientSlow {
		t.Errorf("logged %v", line)
	}
}

// endless never ends.
type endless struct {
	*fakeStream
	piece []byte
}

func (e *endless) Next() ([]byte, error) { return e.piece, nil }

// TestDeadlinesDoNotOutliveARequest: a connection that is used again has its
// time anew, and an upstream may take longer than a write may.
func TestDeadlinesDoNotOutliveARequest(t *testing.T) {
	b := newBench(t)
	b.gw.timing = timing{bodyIdle: 100 * time.Millisecond, bodyRate: 1 << 10, write: 100 * time.Millisecond}
	b.mgr.execute = func(ctx context.Context, _ executor.Request, _ executor.Options) (executor.Response, error) {
		select {
		case <-time.After(300 * time.Millisecond):
			return executor.Response{Payload: []byte(sampleReply)}, nil
		case <-ctx.Done():
			return executor.Response{}, ctx.Err()
		}
	}
	addr, _ := b.listen(t)
	transport := &http.Transport{MaxConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	for range 2 {
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+addr+chatPath, strings.NewReader(wholeBody))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+b.key)
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || string(body) != sampleReply {
			t.Fatalf("%d %s %v", resp.StatusCode, body, err)
		}
	}
}
