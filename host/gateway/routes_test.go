package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/settings"
)

func TestWholeAnswer(t *testing.T) {
	b := newBench(t)
	b.mgr.execute = func(_ context.Context, req executor.Request, opts executor.Options) (executor.Response, error) {
		if req.Model != "small" || string(req.Payload) != wholeBody || opts.Stream {
			t.Errorf("asked for %+v %+v", req, opts)
		}
		return executor.Response{Payload: []byte(sampleReply), Headers: http.Header{
			"X-Ratelimit-Remaining-Requests": {"9"}, "Openai-Processing-Ms": {"12"}, "openai-version": {"2020"}, "Retry-After": {"3"},
			"Openai-Organization": {"acme"}, "Set-Cookie": {"a=b"}, "Server": {"nginx"}, "Authorization": {"Bearer up"}, "Content-Type": {"text/html"},
			"Content-Encoding": {"gzip"}, "Transfer-Encoding": {"chunked"}, "X-Request-Id": {"theirs"}, "X-Ratelimit-Bad": {"a\r\nSet-Cookie: x"},
			"X-Ratelimit-Long": {strings.Repeat("x", maxValue+1)},
		}}, nil
	}
	w := b.do("POST", chatPath+"?key=k&alt=x", wholeBody)
	if w.Code != 200 || w.Body.String() != sampleReply {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	h := w.Header()
	id := h.Get("X-Request-Id")
	if !strings.HasPrefix(id, "req_") || len(id) != 30 {
		t.Errorf("the request id is %q", id)
	}
	want := http.Header{
		"X-Ratelimit-Remaining-Requests": {"9"}, "Openai-Processing-Ms": {"12"}, "Openai-Version": {"2020"}, "Retry-After": {"3"},
		"Content-Type": {"application/json"}, "Content-Length": {fmt.Sprint(len(sampleReply))}, "X-Content-Type-Options": {"nosniff"},
		"X-Request-Id": {id}, "Server": {"patchbay/1"},
	}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestModels(t *testing.T) {
	b := newBench(t)
	large := `{"id":"org/large","object":"model","created":7,"owned_by":"org"}`
	small := `{"id":"small","object":"model","created":0,"owned_by":""}`
	for path, want := range map[string]string{
		"/v1/models":               `{"object":"list","data":[` + large + `,` + small + `]}`,
		"/v1/models/small":         small,
		"/v1/models/org/large":     large,
		"/v1/models/org%2Flarge":   large,
		"/v1/models/org%2flarge":   large,
		"/v1/models/%73mall":       small,
		"/v1/models/small?x=../..": small,
	} {
		if w := b.do("GET", path, ""); w.Code != 200 || strings.TrimSpace(w.Body.String()) != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	w := b.do("GET", "/v1/models/org/none", "")
	if e := errorOf(t, w.Body.String()); w.Code != 404 || e["code"] != "model_not_found" || e["param"] != "model" {
		t.Errorf("%d %v", w.Code, e)
	}
	b.mgr.models = nil
	if w := b.do("GET", "/v1/models", ""); strings.TrimSpace(w.Body.String()) != `{"object":"list","data":[]}` {
		t.Errorf("without a model: %s", w.Body)
	}
}

// TestFaultA03RouteConfusion: with a good key, and
// still nothing but the routes that there are.
func TestFaultA03RouteConfusion(t *testing.T) {
	b := newBench(t)
	for _, target := range []string{
		"/", "/v1", "/v1/", "/v2/models", "/admin", "//admin", "//v1/models", "/v1//models", "/v1/models/", "/v1/./models", "/v1/x/../models",
		"/v1/models/../models", "/v1/models/..", "/v1/models/%2e%2e", "/v1/models/a/..%2f..%2fchat", "/v1%2fmodels", "/v1/%6dodels", "/%761/models",
		"/v1/models;x=y", "/v1/models.", "/v1/models%20", "/v1/models%00", "/v1/models/a%00b", "/v1/models/a%0d%0ab", "/v1/models/a%5cb", "/V1/models",
		"/v1/models/a//b", "/v1/models/%2f", "/v1/chat%2fcompletions", "/v1/chat/completions/", "/v1/models/%2e%2e/chat/completions",
		"/metrics", "/debug/pprof/", "/v1/auths",
	} {
		w := b.do("GET", target, "", "X-HTTP-Method-Override", "POST", "X-Original-URL", "/v1/models", "X-Forwarded-Prefix", "/v1")
		if e := errorOf(t, w.Body.String()); w.Code != 404 || e["type"] != "invalid_request_error" || e["request_id"] == "" {
			t.Errorf("%s: %d %v", target, w.Code, e)
		}
	}
	for _, target := range []string{"http://evil.example/v1/models", "*", "evil.example:443"} {
		r := httptest.NewRequest("GET", "/v1/models", nil)
		r.Header.Set("Authorization", "Bearer "+b.key)
		r.RequestURI = target
		w := httptest.NewRecorder()
		b.gw.Handler().ServeHTTP(w, r)
		if errorOf(t, w.Body.String()); w.Code != 400 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	for _, c := range [][3]string{
		{"GET", chatPath, "OPTIONS, POST"}, {"DELETE", chatPath, "OPTIONS, POST"}, {"POST", "/v1/models", "OPTIONS, GET"},
		{"PUT", "/v1/models/small", "OPTIONS, GET"}, {"HEAD", "/v1/models", "OPTIONS, GET"}, {"BREW", chatPath, "OPTIONS, POST"},
		{"TRACE", chatPath, "OPTIONS, POST"}, {"CONNECT", chatPath, "OPTIONS, POST"},
	} {
		w := b.do(c[0], c[1], "")
		if e := errorOf(t, w.Body.String()); w.Code != 405 || e["code"] != codeMethod || w.Header().Get("Allow") != c[2] {
			t.Errorf("%s %s: %d %v %v", c[0], c[1], w.Code, e, w.Header())
		}
	}
}

// FuzzPath: whatever the path, a route answers only to its own.
func FuzzPath(f *testing.F) {
	for _, p := range []string{"/v1/models", "/v1/models/a%2Fb", "//v1/models", "/v1/models/../x", "/v1/%6dodels", "/healthz"} {
		f.Add(p)
	}
	b := newBench(&testing.T{})
	f.Fuzz(func(t *testing.T, target string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + b.key + "\r\n\r\n")))
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		b.gw.Handler().ServeHTTP(w, r)
		switch w.Code {
		case 200, 405:
			path, _, _ := strings.Cut(r.RequestURI, "?")
			if !slices.Contains([]string{"/v1/models", "/healthz", "/readyz", chatPath}, path) && !strings.HasPrefix(path, "/v1/models/") {
				t.Fatalf("%q is %d", target, w.Code)
			}
		case 400, 404:
			errorOf(t, w.Body.String())
		default:
			t.Fatalf("%q is %d", target, w.Code)
		}
	})
}

func TestMalformedBodies(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct{ body, code, param string }{
		{``, codeInvalidJSON, ""}, {`{`, codeInvalidJSON, ""}, {`[]`, codeInvalidJSON, ""}, {"\xff", codeInvalidJSON, ""},
		{strings.Repeat(`{"a":`, 100000), codeInvalidJSON, ""},
		{`{}`, codeBadRequest, "model"}, {`{"model":""}`, codeBadRequest, "model"}, {`{"model":1}`, codeBadRequest, "model"},
		{`{"model":"a\u0000b"}`, codeBadRequest, "model"}, {`{"model":"a\r\nb"}`, codeBadRequest, "model"}, {`{"model":"../x"}`, codeBadRequest, "model"},
		{`{"model":"small","stream":"yes"}`, codeBadRequest, "stream"},
	} {
		w := b.do("POST", chatPath, c.body)
		e := errorOf(t, w.Body.String())
		param, _ := e["param"].(string)
		if w.Code != 400 || e["code"] != c.code || param != c.param || e["type"] != "invalid_request_error" {
			t.Errorf("%.40s: %d %v", c.body, w.Code, e)
		}
	}
	w := b.do("POST", chatPath, `{"model":"none"}`)
	if e := errorOf(t, w.Body.String()); w.Code != 404 || e["code"] != "model_not_found" || e["type"] != "invalid_request_error" {
		t.Errorf("unknown model: %d %v", w.Code, e)
	}
	for _, contentType := range []string{"", "application/json; charset=utf-8", "text/plain", "nonsense"} {
		b.mgr.execute = func(context.Context, executor.Request, executor.Options) (executor.Response, error) {
			return executor.Response{Payload: []byte(sampleReply)}, nil
		}
		if w := b.do("POST", chatPath, wholeBody, "Content-Type", contentType); w.Code != 200 {
			t.Errorf("content type %q: %d", contentType, w.Code)
		}
	}
	for encoding, status := range map[string]int{"identity": 200, "Identity": 200, "gzip": 415, "br, identity": 415} {
		w := b.do("POST", chatPath, wholeBody, "Content-Encoding", encoding)
		if w.Code != status {
			t.Errorf("content encoding %s: %d", encoding, w.Code)
		}
	}
}

func TestProviderErrorIsPassedOnAsItIs(t *testing.T) {
	b := newBench(t)
	b.mgr.execute = func(context.Context, executor.Request, executor.Options) (executor.Response, error) {
		return executor.Response{}, &executor.UpstreamError{Status: 422, Body: []byte(providerBody), ContentType: "application/json"}
	}
	w := b.do("POST", chatPath, wholeBody)
	if w.Code != 422 || w.Body.String() != providerBody || w.Header().Get("X-Request-Id") == "" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	b.mgr.execute = func(context.Context, executor.Request, executor.Options) (executor.Response, error) {
		return executor.Response{}, &executor.UpstreamError{Status: 429, Retry: seconds(41.01)}
	}
	w = b.do("POST", chatPath, wholeBody)
	if e := errorOf(t, w.Body.String()); w.Code != 429 || e["type"] != "rate_limit_error" || w.Header().Get("Retry-After") != "42" || e["request_id"] != w.Header().Get("X-Request-Id") {
		t.Errorf("%d %v %v", w.Code, e, w.Header())
	}
}

func TestRequestTimeout(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Settings.RequestTimeout = time.Millisecond })
	b.mgr.execute = func(ctx context.Context, _ executor.Request, _ executor.Options) (executor.Response, error) {
		<-ctx.Done()
		return executor.Response{}, ctx.Err()
	}
	w := b.do("POST", chatPath, wholeBody)
	if e := errorOf(t, w.Body.String()); w.Code != 504 || e["code"] != codeTimeout {
		t.Errorf("%d %v", w.Code, e)
	}
	b.mgr.open = func(ctx context.Context, _ executor.Request, _ executor.Options) (executor.Stream, error) {
		if _, ok := ctx.Deadline(); ok {
			t.Error("a stream has a deadline")
		}
		return newStream(executor.FramingPayload, io.EOF, "{}"), nil
	}
	if w := b.do("POST", chatPath, streamBody); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
}

// TestWhatAPluginSees: K-05, no key and nothing of the connection goes on.
func TestWhatAPluginSees(t *testing.T) {
	b := newBench(t)
	var got executor.Options
	b.mgr.execute = func(_ context.Context, _ executor.Request, opts executor.Options) (executor.Response, error) {
		got = opts
		return executor.Response{Payload: []byte("{}")}, nil
	}
	b.do("POST", chatPath+"?alt=sse&key=k&api_key=k&Access_Token=k", wholeBody,
		"Connection", "keep-alive, X-Custom", "X-Custom", "1", "X-Api-Key", "k", "Api-Key", "k", "X-Goog-Api-Key", "k", "Cookie", "a=b",
		"Proxy-Authorization", "k", "X-Forwarded-For", "1.2.3.4", "Forwarded", "for=1", "Via", "x", "X-Real-Ip", "1", "Sec-Fetch-Mode", "cors",
		"TE", "trailers", "Upgrade", "x", "OpenAI-Beta", "assistants=v2", "Idempotency-Key", "i")
	want := http.Header{"Openai-Beta": {"assistants=v2"}, "Idempotency-Key": {"i"}}
	if diff := cmp.Diff(want, got.Headers); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string][]string{"alt": {"sse"}}, map[string][]string(got.Query)); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
}

func TestHealthRoutes(t *testing.T) {
	ready := false
	b := newBench(t, func(o *Options) { o.Ready = func() bool { return ready } })
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		b.gw.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w.Code, w.Body.String()
	}
	if code, body := get("/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("healthz: %d %q", code, body)
	}
	if code, body := get("/readyz"); code != 503 || body != "not ready\n" {
		t.Errorf("not ready: %d %q", code, body)
	}
	ready = true
	if code, body := get("/readyz"); code != 200 || body != "ready\n" {
		t.Errorf("ready: %d %q", code, body)
	}
	b.gw.draining.Store(true)
	if code, _ := get("/readyz"); code != 503 {
		t.Errorf("draining: %d", code)
	}
	if b.log.String() != "" {
		t.Errorf("questions about health are in the log: %s", b.log)
	}
}

func TestPanicIsOneFailedRequest(t *testing.T) {
	b := newBench(t)
	b.mgr.execute = func(context.Context, executor.Request, executor.Options) (executor.Response, error) {
		panic("it broke")
	}
	w := b.do("POST", chatPath, wholeBody)
	e := errorOf(t, w.Body.String())
	if w.Code != 500 || e["code"] != codeInternal || strings.Contains(w.Body.String(), "it broke") {
		t.Errorf("%d %v", w.Code, e)
	}
	if log := b.log.String(); !strings.Contains(log, `"panic":"it broke"`) || !strings.Contains(log, "routes_test.go") || strings.Count(log, e["request_id"].(string)) != 2 {
		t.Errorf("the log is %s", log)
	}
}

// TestSmuggling is K-04, as a connection sees it.
func TestSmuggling(t *testing.T) {
	b := newBench(t)
	calls := 0
	b.mgr.execute = func(context.Context, executor.Request, executor.Options) (executor.Response, error) {
		calls++
		return executor.Response{Payload: []byte(sampleReply)}, nil
	}
	addr, _ := b.listen(t)
	auth := "Host: x\r\nAuthorization: Bearer " + b.key + "\r\n"
	chunk := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(wholeBody), wholeBody)
	smuggled := "POST " + chatPath + " HTTP/1.1\r\n" + auth + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(wholeBody), wholeBody)
	for name, c := range map[string]struct {
		raw      string
		statuses []string
	}{
		"length and chunks": {"POST " + chatPath + " HTTP/1.1\r\n" + auth + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + smuggled, []string{"200"}},
		"two lengths":       {"POST " + chatPath + " HTTP/1.1\r\n" + auth + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + wholeBody, []string{"400"}},
		"odd encoding":      {"POST " + chatPath + " HTTP/1.1\r\n" + auth + "Transfer-Encoding: xchunked\r\n\r\n" + chunk, []string{"501"}},
		"absolute":          {"GET http://evil.example/v1/models HTTP/1.1\r\n" + auth + "\r\n", []string{"400"}},
		"two hosts":         {"GET /v1/models HTTP/1.1\r\nHost: y\r\n" + auth + "\r\n", []string{"400"}},
		"bad host":          {"GET /v1/models HTTP/1.1\r\nHost: x/#@evil\r\nAuthorization: Bearer " + b.key + "\r\n\r\n", []string{"400"}},
		"asterisk":          {"OPTIONS * HTTP/1.1\r\n" + auth + "\r\n", []string{"400"}},
		"pipelined":         {smuggled + strings.Replace(smuggled, "Host: x\r\n", "Host: x\r\nConnection: close\r\n", 1), []string{"200", "200"}},
		"large header":      {"GET /v1/models HTTP/1.1\r\n" + auth + "X: " + strings.Repeat("x", 80<<10) + "\r\n\r\n", []string{"431"}},
	} {
		calls = 0
		got := exchangeRaw(t, addr, c.raw)
		if !slices.Equal(got, c.statuses) {
			t.Errorf("%s: answered %v, want %v", name, got, c.statuses)
		}
		if ok := strings.Count(strings.Join(c.statuses, " "), "200"); calls != ok {
			t.Errorf("%s: %d calls", name, calls)
		}
	}
}

// exchangeRaw sends raw and returns the statuses of what is answered until the
// server closes, or has nothing more to say.
func exchangeRaw(t *testing.T, addr, raw string) []string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() { _, _ = io.WriteString(conn, raw) }()
	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var statuses []string
	for r := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return statuses
		}
		statuses = append(statuses, fmt.Sprint(resp.StatusCode))
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.Close {
			return statuses
		}
	}
}

func TestZeroOptionsAreSafe(t *testing.T) {
	g := New(Options{Manager: &fakeManager{t: t}})
	defer g.stop()
	w := httptest.NewRecorder()
	g.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/v1/models", nil))
	if w.Code != 401 || g.limits.Load().BodyBytes != settings.Default().Limits.BodyBytes {
		t.Errorf("%d, limit %d", w.Code, g.limits.Load().BodyBytes)
	}
}
