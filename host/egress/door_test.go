package egress

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

func open(t *testing.T, opts Options) *Door {
	t.Helper()
	d := New(opts)
	t.Cleanup(d.Close)
	return d
}

func serve(t *testing.T, h http.HandlerFunc) (*httptest.Server, Destination) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv, destOf(t, srv.URL)
}

func destOf(t *testing.T, raw string) Destination {
	t.Helper()
	dest, err := ParseBase(raw, false)
	if err != nil {
		t.Fatal(err)
	}
	dest.Methods = []string{http.MethodGet, http.MethodPost}
	return dest
}

func request(t *testing.T, method, target string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequest(method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func reasonOf(t *testing.T, err error) Reason {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%v is not an *Error", err)
	}
	if e.Target == "" {
		t.Errorf("%v names no target", err)
	}
	return e.Reason
}

func TestAnswerComesBackAsItIs(t *testing.T) {
	_, dest := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Error("the transport asked for compression")
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(http.StatusTeapot)
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})
	door := open(t, Options{})
	res, err := door.Do(t.Context(), nil, dest, request(t, http.MethodPost, target(dest)+"/x", strings.NewReader("not gzip")))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || string(body) != "not gzip" || res.StatusCode != http.StatusTeapot || res.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%d %v %q %v", res.StatusCode, res.Header, body, err)
	}
}

func TestU10RedirectIsAnAnswer(t *testing.T) {
	var hits atomic.Int32
	inside, _ := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	_, dest := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inside.URL+"/steal", http.StatusTemporaryRedirect)
	})
	req := request(t, http.MethodPost, target(dest)+"/x", strings.NewReader("{}"))
	req.Header.Set("Authorization", "Bearer secret")
	res, err := open(t, Options{}).Do(t.Context(), nil, dest, req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusTemporaryRedirect || hits.Load() != 0 {
		t.Errorf("status %d, %d hits at the other place", res.StatusCode, hits.Load())
	}
}

func TestTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	dest := destOf(t, srv.URL)
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	res, err := open(t, Options{RootCAs: roots}).Do(t.Context(), nil, dest, request(t, http.MethodGet, target(dest), nil))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if string(body) != "HTTP/2.0" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
	_, err = open(t, Options{}).Do(t.Context(), nil, dest, request(t, http.MethodGet, target(dest), nil))
	if err == nil || reasonOf(t, err) != Unreachable {
		t.Errorf("a certificate that nobody signed: %v", err)
	}
}

func TestReasons(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := "http://" + listener.Addr().String()
	_ = listener.Close()
	_, broken := serve(t, func(w http.ResponseWriter, _ *http.Request) { hangUp(t, w) })
	release := make(chan struct{})
	_, silent := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) }) // before the server waits for its handler
	for _, c := range []struct {
		name string
		dest Destination
		want Reason
	}{
		{"nobody listens", destOf(t, free), Unreachable},
		{"no such name", Destination{Scheme: "https", Host: "no.example", Port: 443, Methods: []string{"POST"}}, Unreachable},
		{"hung up", broken, Broken},
		{"silent", silent, Timeout},
	} {
		door := open(t, Options{Resolver: resolves("x"), HeaderTimeout: 50 * time.Millisecond})
		_, err := door.Do(t.Context(), nil, c.dest, request(t, http.MethodPost, target(c.dest), strings.NewReader("{}")))
		if err == nil || reasonOf(t, err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

func hangUp(t *testing.T, w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_ = conn.Close()
}

func TestCancelBeforeTheAnswer(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	_, dest := serve(t, func(http.ResponseWriter, *http.Request) { close(arrived); <-release })
	t.Cleanup(func() { close(release) }) // before the server waits for its handler
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { <-arrived; cancel(errors.New("some cause")) }()
	_, err := open(t, Options{}).Do(ctx, nil, dest, request(t, http.MethodPost, target(dest), strings.NewReader("{}")))
	if !errors.Is(err, context.Canceled) || reasonOf(t, err) != Broken {
		t.Errorf("%v", err)
	}
}

func TestBodyStreamsAndEndsWithTheContext(t *testing.T) {
	next, gone := make(chan string), make(chan struct{})
	_, dest := serve(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(gone)
		for {
			select {
			case s := <-next:
				_, _ = io.WriteString(w, s)
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { next <- "one\n" }()
	res, err := open(t, Options{}).Do(ctx, nil, dest, request(t, http.MethodGet, target(dest), nil))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewReader(res.Body)
	if s, err := lines.ReadString('\n'); s != "one\n" || err != nil {
		t.Fatalf("%q, %v", s, err)
	}
	next <- "two\n" // each piece arrives while the answer is still open
	if s, err := lines.ReadString('\n'); s != "two\n" || err != nil {
		t.Fatalf("%q, %v", s, err)
	}
	cancel()
	_, err = lines.ReadString('\n')
	if !errors.Is(err, context.Canceled) || reasonOf(t, err) != Broken {
		t.Errorf("%v", err)
	}
	<-gone // the other side learns of it
}

func TestBodyThatBreaks(t *testing.T) {
	_, dest := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		hangUp(t, w)
	})
	res, err := open(t, Options{}).Do(t.Context(), nil, dest, request(t, http.MethodGet, target(dest), nil))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if string(body) != "half" || reasonOf(t, err) != Broken || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v", body, err)
	}
}

func TestRefusalClosesTheRequestBody(t *testing.T) {
	closed := false
	req := request(t, http.MethodPost, "http://127.0.0.1:1/x", closer{strings.NewReader("x"), func() { closed = true }})
	_, err := open(t, Options{}).Do(t.Context(), nil, Destination{}, req)
	if reasonOf(t, err) != Refused || !closed {
		t.Errorf("%v, body closed: %v", err, closed)
	}
}

type closer struct {
	io.Reader
	close func()
}

func (c closer) Close() error { c.close(); return nil }

func TestClosedDoorRefuses(t *testing.T) {
	_, dest := serve(t, func(http.ResponseWriter, *http.Request) {})
	door := New(Options{})
	door.Close()
	door.Close()
	if _, err := door.Do(t.Context(), nil, dest, request(t, http.MethodGet, target(dest), nil)); reasonOf(t, err) != Refused {
		t.Error(err)
	}
}

func TestRoundTripperReplacesOnlyTheTransport(t *testing.T) {
	var calls atomic.Int32
	own := own(func(req *http.Request) (*http.Response, error) {
		calls.Add(1)
		if calls.Load() > 1 {
			return nil, errors.New("went wrong")
		}
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: req}, nil
	})
	door := open(t, Options{Resolver: &names{answers: map[string][][]string{
		"out.example": {{"8.8.8.8"}}, "in.example": {{"10.0.0.1"}},
	}}})
	do := func(host string) error {
		dest := Destination{Scheme: "https", Host: host, Port: 443, PathPrefix: "/v1", Methods: []string{"GET"}}
		res, err := door.Do(executor.WithRoundTripper(t.Context(), own), &auth.Auth{}, dest, request(t, http.MethodGet, "https://"+host+"/v1", nil))
		if err == nil {
			_ = res.Body.Close()
		}
		return err
	}
	if err := do("out.example"); err != nil || calls.Load() != 1 {
		t.Errorf("%v, %d calls", err, calls.Load())
	}
	if err := do("in.example"); reasonOf(t, err) != Refused || calls.Load() != 1 {
		t.Errorf("%v, %d calls", err, calls.Load())
	}
	// A transport that tells nothing may have sent the request.
	if err := do("out.example"); reasonOf(t, err) != Broken {
		t.Errorf("%v", err)
	}
}

type own func(*http.Request) (*http.Response, error)

func (f own) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// BenchmarkDoor has the door and the bare transport side by side.
func BenchmarkDoor(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	b.Cleanup(srv.Close)
	dest, err := ParseBase(srv.URL+"/v1", false)
	if err != nil {
		b.Fatal(err)
	}
	dest.Methods = []string{http.MethodPost}
	door := New(Options{})
	b.Cleanup(door.Close)
	bare := &http.Transport{DisableCompression: true}
	b.Cleanup(bare.CloseIdleConnections)
	run := func(name string, do func(*http.Request) (*http.Response, error)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req, err := http.NewRequest(http.MethodPost, srv.URL+"/v1/chat/completions", strings.NewReader("{}"))
				if err != nil {
					b.Fatal(err)
				}
				res, err := do(req)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
		})
	}
	run("bare", bare.RoundTrip)
	run("door", func(req *http.Request) (*http.Response, error) { return door.Do(b.Context(), nil, dest, req) })
}
