package login

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// visit does what a browser does, and returns status and page. No connection is
// kept: goleak would see it.
func visit(t *testing.T, method, target, host string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	c := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

// TestListener: a browser that comes back with the wrong answer is told so, and
// the right one may come after it.
func TestListener(t *testing.T) {
	l, err := Listen(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(l.Redirect(), "http://127.0.0.1:") || !strings.HasSuffix(l.Redirect(), "/callback") {
		t.Fatal(l.Redirect())
	}
	var got []string
	var wg sync.WaitGroup
	wg.Go(func() {
		err := l.Serve(t.Context(), func(_ context.Context, query string, _ http.Header) (bool, error) {
			got = append(got, query)
			if query != "code=right" {
				return true, errors.New("this answer belongs to another login")
			}
			return false, nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	base, err := url.Parse(l.Redirect())
	if err != nil {
		t.Fatal(err)
	}
	root := "http://" + base.Host
	for name, c := range map[string]struct {
		method, target, host string
		status               int
	}{
		"A-17 another path":         {"GET", root + "/other?code=right", "", http.StatusNotFound},
		"A-17 a path behind it":     {"GET", root + "/callback/x?code=right", "", http.StatusNotFound},
		"A-17 another method":       {"POST", root + "/callback?code=right", "", http.StatusMethodNotAllowed},
		"A-17 DNS rebinding":        {"GET", root + "/callback?code=right", "evil.example", http.StatusForbidden},
		"A-17 another loopback":     {"GET", root + "/callback?code=right", "localhost:" + base.Port(), http.StatusForbidden},
		"A-17 open redirect":        {"GET", root + "/callback?redirect_uri=https://evil.example&next=//evil.example", "", http.StatusBadRequest},
		"A-17 what it is sent":      {"GET", root + "/callback?code=<script>alert(1)</script>", "", http.StatusBadRequest},
		"A-17 an absolute form URI": {"GET", root + "//evil.example/%2e%2e", "", http.StatusNotFound},
	} {
		status, body, header := visit(t, c.method, c.target, c.host)
		if status != c.status {
			t.Errorf("%s: status %d, want %d", name, status, c.status)
		}
		if strings.Contains(body, "evil.example") || strings.Contains(body, "script") || header.Get("Location") != "" {
			t.Errorf("%s: repeats what it was sent: %s", name, body)
		}
		if header.Get("Content-Type") != "text/plain; charset=utf-8" || header.Get("Referrer-Policy") != "no-referrer" || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", name, header)
		}
	}
	if status, body, _ := visit(t, "GET", l.Redirect()+"?code=right", ""); status != http.StatusOK || !strings.Contains(body, "Done") {
		t.Errorf("%d %s", status, body)
	}
	wg.Wait()
	if len(got) != 3 || got[2] != "code=right" {
		t.Errorf("accepted: %q", got)
	}
}

func TestListenerEnds(t *testing.T) {
	l, err := Listen(t.Context(), "http://localhost/back")
	if err != nil {
		t.Fatal(err)
	}
	taken, err := Listen(t.Context(), l.Redirect())
	if err == nil {
		taken.Close()
		t.Error("a port is taken twice")
	} else if !strings.Contains(err.Error(), l.Redirect()) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Serve(ctx, func(context.Context, string, http.Header) (bool, error) { return false, nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for _, bad := range []string{"http://192.168.1.1/x", "https://localhost/x", "http://localhost.evil.example/", "x"} {
		if l, err := Listen(t.Context(), bad); codeOf(err) != CodeInvalid {
			l.Close()
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestListenerBrokenTransport: a listener that breaks off is an error, not an
// endless wait.
func TestListenerBreaks(t *testing.T) {
	l, err := Listen(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := l.Serve(t.Context(), nil); err == nil || !strings.Contains(err.Error(), l.Redirect()) {
		t.Error(err)
	}
}

// TestRefuseIsByTheWholeHost: the check has no name that merely begins right.
func TestRefuseIsByTheWholeHost(t *testing.T) {
	l := &Listener{redirect: &url.URL{Scheme: "http", Host: "127.0.0.1:80", Path: "/callback"}}
	for host, want := range map[string]int{"127.0.0.1:80": 0, "127.0.0.1:8080": 403, "127.0.0.1": 403, "127.0.0.1:80.evil.example": 403, "": 403} {
		r := httptest.NewRequest(http.MethodGet, "/callback?code=a", nil)
		r.Host = host
		if got, _ := l.refuse(r); got != want {
			t.Errorf("%q: %d, want %d", host, got, want)
		}
	}
}
