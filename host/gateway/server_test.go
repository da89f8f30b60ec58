package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/executor"
)

// TestFaultD01Drain: what runs may finish, nothing new comes in.
func TestFaultD01Drain(t *testing.T) {
	b := newBench(t)
	s := gated()
	b.mgr.open = opening(s)
	addr, srv := b.listen(t)
	go func() { s.gate <- "1" }()
	_, r := b.openStream(t, t.Context(), addr)
	readLine(t, r)
	down := make(chan error, 1)
	go func() { down <- srv.Shutdown(context.Background()) }()
	eventually(t, "the listener closes", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	if w := b.do("GET", "/readyz", ""); w.Code != 503 {
		t.Errorf("still ready: %d", w.Code)
	}
	s.gate <- "2"
	close(s.gate)
	if rest, err := io.ReadAll(r); err != nil || string(rest) != "\ndata: 2\n\n"+done {
		t.Errorf("%q %v", rest, err)
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Errorf("the second call: %v", err)
	}
}

// TestFaultD01GraceEnds: a stream that outlives the grace is told so in its own format;
// a request without a stream gets an error.
func TestFaultD01GraceEnds(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Settings.ShutdownGrace = 50 * time.Millisecond })
	s := gated()
	b.mgr.open = opening(s)
	started := make(chan struct{})
	b.mgr.execute = func(ctx context.Context, _ executor.Request, _ executor.Options) (executor.Response, error) {
		close(started)
		<-ctx.Done()
		return executor.Response{}, ctx.Err()
	}
	addr, srv := b.listen(t)
	go func() { s.gate <- "1" }()
	_, r := b.openStream(t, t.Context(), addr)
	readLine(t, r)
	whole := make(chan *http.Response, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+addr+chatPath, strings.NewReader(wholeBody))
		if err != nil {
			t.Error(err)
		}
		req.Header.Set("Authorization", "Bearer "+b.key)
		resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
		if err != nil {
			t.Error(err)
		}
		whole <- resp
	}()
	<-started
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	rest, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	event := strings.TrimSuffix(strings.TrimPrefix(string(rest), "\ndata: "), "\n\n")
	if e := errorOf(t, event); e["code"] != codeShutdown {
		t.Errorf("%v", e)
	}
	resp := <-whole
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if e := errorOf(t, string(body)); err != nil || resp.StatusCode != 503 || e["code"] != codeShutdown || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("%d %v %v", resp.StatusCode, e, err)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	b := newBench(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := NewServer(b.gw)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ctx, ln) }()
	eventually(t, "an answer", func() bool {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !b.gw.draining.Load() {
		t.Error("still ready")
	}
}

// TestFaultD03Close: in the middle of a shutdown that waits, everything is cut.
func TestFaultD03Close(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Settings.ShutdownGrace = time.Hour })
	s := gated()
	b.mgr.open = opening(s)
	addr, srv := b.listen(t)
	go func() { s.gate <- "1" }()
	_, r := b.openStream(t, t.Context(), addr)
	readLine(t, r)
	down := make(chan error, 1)
	go func() { down <- srv.Shutdown(context.Background()) }()
	eventually(t, "the shutdown begins", b.gw.draining.Load)
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(r); err == nil {
		t.Error("the stream ended as if it were whole")
	}
	eventually(t, "the stream of the provider is closed", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.closes > 0 })
}

// TestFaultD07Server: ended twice, before it began, and while requests come in.
func TestFaultD07Server(t *testing.T) {
	ends := map[string]func(*Server) error{
		"close":    (*Server).Close,
		"shutdown": func(s *Server) error { return s.Shutdown(context.Background()) },
	}
	for first, endFirst := range ends {
		for second, endSecond := range ends {
			b := newBench(t)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			srv := NewServer(b.gw)
			if err := errors.Join(endFirst(srv), endSecond(srv)); err != nil {
				t.Errorf("%s, then %s, before the start: %v", first, second, err)
			}
			if err := srv.Serve(context.Background(), ln); err != nil {
				t.Errorf("served after its end: %v", err)
			}
			if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
				t.Error("somebody listens")
			}
		}
	}
	b := newBench(t)
	b.mgr.execute = func(context.Context, executor.Request, executor.Options) (executor.Response, error) {
		return executor.Response{Payload: []byte(sampleReply)}, nil
	}
	addr, srv := b.listen(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			for range 50 {
				req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+addr+chatPath, strings.NewReader(wholeBody))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+b.key)
				resp, err := transport.RoundTrip(req)
				if err != nil {
					return // the server is gone, which is what it was told
				}
				if resp.StatusCode != http.StatusOK {
					t.Errorf("status %d", resp.StatusCode)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
	for range 4 {
		wg.Go(func() {
			if err := srv.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
}

// TestFaultK02SlowHeaders: a connection whose header does not come is closed, and
// others are served meanwhile.
func TestFaultK02SlowHeaders(t *testing.T) {
	b := newBench(t)
	b.mgr.execute = func(context.Context, executor.Request, executor.Options) (executor.Response, error) {
		return executor.Response{Payload: []byte(sampleReply)}, nil
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := NewServer(b.gw)
	if srv.http.ReadHeaderTimeout != 10*time.Second {
		t.Errorf("a header may take %v", srv.http.ReadHeaderTimeout)
	}
	srv.http.ReadHeaderTimeout = 300 * time.Millisecond
	done := make(chan error, 1)
	go func() { done <- srv.Serve(context.Background(), ln) }()
	defer func() {
		if err := errors.Join(srv.Shutdown(context.Background()), <-done); err != nil {
			t.Error(err)
		}
	}()
	slow, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for _, c := range []byte("POST " + chatPath + " HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 1000)) {
			if _, err := slow.Write([]byte{c}); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	resp, _ := send(t, ln.Addr().String(), "POST "+chatPath+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+b.key+
		"\r\nContent-Length: "+strconv.Itoa(len(wholeBody))+"\r\n\r\n", func(w io.Writer) { _, _ = io.WriteString(w, wholeBody) })
	if resp.StatusCode != http.StatusOK {
		t.Errorf("another client got %d", resp.StatusCode)
	}
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		t.Error("the slow connection is still open")
	}
}

func TestServeOnAClosedListener(t *testing.T) {
	b := newBench(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := NewServer(b.gw).Serve(context.Background(), ln); err == nil || !strings.Contains(err.Error(), ln.Addr().String()) {
		t.Errorf("got %v", err)
	}
}
