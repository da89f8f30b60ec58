package gateway

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/executor"
)

// TestDrain is D-01: what runs may finish, nothing new comes in.
func TestDrain(t *testing.T) {
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

// TestGraceEnds: a stream that outlives the grace is told so in its own format;
// a request without a stream gets an error.
func TestGraceEnds(t *testing.T) {
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
