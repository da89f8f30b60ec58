package admin

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

var someMetrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "patchbay_up 1\n") })

func ask(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "127.0.0.1:9484"
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestProbeServerServesNothingElse: no operation, no reasons, no browser, and no
// name that was made to lead here.
func TestProbeServerServesNothingElse(t *testing.T) {
	f := &fake{ready: Health{Reasons: []string{"a reason"}}}
	h := NewProbeServer(f, someMetrics, nil).http.Handler
	for _, c := range []struct {
		method, target string
		header         []string
		status         int
		body           string
	}{
		{"GET", "/metrics", nil, 200, "patchbay_up 1\n"},
		{"GET", "/healthz", nil, 200, "ok\n"},
		{"GET", "/readyz", nil, 503, "not ready\n"},
		{"GET", "/metrics", []string{"Host", "localhost:9484"}, 200, ""},
		{"GET", "/metrics", []string{"Host", "[::1]:9484"}, 200, ""},
		{"GET", "/metrics", []string{"Host", "rebound.example:9484"}, 403, ""},
		{"GET", "/metrics", []string{"Origin", "https://example.com"}, 403, ""},
		{"GET", "/metrics", []string{"Sec-Fetch-Mode", "no-cors"}, 403, ""},
		{"GET", "/v1/health", []string{commandHeader, commandValue}, 404, ""},
		{"POST", "/v1/keys", []string{commandHeader, commandValue}, 404, ""},
		{"POST", "/v1/config/reload", []string{commandHeader, commandValue}, 404, ""},
		{"POST", "/metrics", nil, 405, ""},
	} {
		w := ask(h, c.method, c.target, c.header...)
		if w.Code != c.status || c.body != "" && w.Body.String() != c.body || strings.Contains(w.Body.String(), "a reason") {
			t.Errorf("%s %s %v: %d %q", c.method, c.target, c.header, w.Code, w.Body)
		}
	}
}

// TestSocketServesProbes: without the header of a command, but not to a browser.
func TestSocketServesProbes(t *testing.T) {
	h := NewHandler(&fake{ready: Health{Ready: true}}, nil, WithMetrics(someMetrics))
	for target, body := range map[string]string{"/metrics": "patchbay_up 1\n", "/healthz": "ok\n", "/readyz": "ready\n"} {
		if w := ask(h, "GET", target); w.Code != 200 || w.Body.String() != body {
			t.Errorf("%s: %d %q", target, w.Code, w.Body)
		}
		if w := ask(h, "GET", target, "Origin", "https://example.com"); w.Code != 403 {
			t.Errorf("%s to a browser: %d", target, w.Code)
		}
	}
	if w := ask(h, "GET", "/v1/health"); w.Code != 403 {
		t.Errorf("an operation without the header: %d", w.Code)
	}
	if w := ask(NewHandler(&fake{}, nil), "GET", "/metrics", commandHeader, commandValue); w.Code != 404 {
		t.Errorf("metrics where there are none: %d", w.Code)
	}
}

func TestProbesListenOnLoopbackOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:80", "127.0.0.1", ""} {
		if ln, err := ListenProbes(address); err == nil {
			ln.Close()
			t.Errorf("listens on %q", address)
		}
	}
	ln, err := ListenProbes("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
}

// TestFaultD07AdminServer: ended before it began, twice, and while requests come in.
func TestFaultD07AdminServer(t *testing.T) {
	listen := func() net.Listener {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return ln
	}
	s := NewServer(&fake{}, nil)
	if err := errors.Join(s.Shutdown(context.Background()), s.Shutdown(context.Background())); err != nil {
		t.Error(err)
	}
	if err := s.Serve(listen()); err != nil {
		t.Errorf("served after its end: %v", err)
	}

	s = NewServer(&fake{ready: Health{Ready: true}}, nil)
	ln := listen()
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			for range 50 {
				r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+ln.Addr().String()+"/healthz", nil)
				if err != nil {
					t.Error(err)
					return
				}
				resp, err := transport.RoundTrip(r)
				if err != nil {
					return // it is gone, as it was told
				}
				resp.Body.Close()
			}
		})
	}
	for range 4 {
		wg.Go(func() {
			if err := s.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
