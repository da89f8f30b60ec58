package gateway

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ Manager = (*host.Manager)(nil)

// fakeManager answers with its functions; without one, a call fails the test.
type fakeManager struct {
	t       *testing.T
	models  []host.ModelInfo
	execute func(context.Context, executor.Request, executor.Options) (executor.Response, error)
	open    func(context.Context, executor.Request, executor.Options) (executor.Stream, error)
}

func (m *fakeManager) ListModels() []host.ModelInfo { return m.models }

func (m *fakeManager) ProvidersForModel(model string) []string {
	if slices.ContainsFunc(m.models, func(i host.ModelInfo) bool { return i.ID == model }) {
		return []string{"fake"}
	}
	return nil
}

func (m *fakeManager) Execute(ctx context.Context, providers []string, req executor.Request, opts executor.Options) (executor.Response, error) {
	m.check(providers, req, opts)
	if m.execute == nil {
		m.t.Error("Execute was called")
		return executor.Response{}, io.ErrClosedPipe
	}
	return m.execute(ctx, req, opts)
}

func (m *fakeManager) OpenStream(ctx context.Context, providers []string, req executor.Request, opts executor.Options) (executor.Stream, error) {
	m.check(providers, req, opts)
	if m.open == nil {
		m.t.Error("OpenStream was called")
		return nil, io.ErrClosedPipe
	}
	return m.open(ctx, req, opts)
}

func (m *fakeManager) check(providers []string, req executor.Request, opts executor.Options) {
	if !slices.Equal(providers, []string{"fake"}) || req.Format != "openai-chat" || opts.SourceFormat != "openai-chat" ||
		opts.Metadata[executor.RequestedModelKey] != req.Model || !bytes.Equal(req.Payload, opts.OriginalRequest) {
		m.t.Errorf("called with %v %+v %+v", providers, req, opts)
	}
	pick := opts.Metadata[executor.SelectedAuthCallbackKey].(func(string))
	pick("cred-1")
	pick("cred-2")
}

// fakeStream gives pieces, then err; with a gate, one piece each time it is
// fed, until it is closed.
type fakeStream struct {
	header  http.Header
	framing executor.Framing
	pieces  []string
	err     error
	gate    chan string

	once   sync.Once
	closed chan struct{}
	closes int
	mu     sync.Mutex // guards closes
}

func newStream(framing executor.Framing, err error, pieces ...string) *fakeStream {
	return &fakeStream{framing: framing, pieces: pieces, err: err, closed: make(chan struct{})}
}

func gated() *fakeStream {
	s := newStream(executor.FramingPayload, io.EOF)
	s.gate = make(chan string)
	return s
}

func (s *fakeStream) Headers() http.Header      { return s.header }
func (s *fakeStream) Framing() executor.Framing { return s.framing }

func (s *fakeStream) Next() ([]byte, error) {
	if s.gate != nil {
		select {
		case piece, ok := <-s.gate:
			if !ok {
				return nil, s.err
			}
			return []byte(piece), nil
		case <-s.closed:
			return nil, io.ErrClosedPipe
		}
	}
	if len(s.pieces) == 0 {
		return nil, s.err
	}
	piece := s.pieces[0]
	s.pieces = s.pieces[1:]
	return []byte(piece), nil
}

func (s *fakeStream) Close() error {
	s.mu.Lock()
	s.closes++
	s.mu.Unlock()
	s.once.Do(func() { close(s.closed) })
	return nil
}

func opening(s executor.Stream) func(context.Context, executor.Request, executor.Options) (executor.Stream, error) {
	return func(context.Context, executor.Request, executor.Options) (executor.Stream, error) { return s, nil }
}

// bench is a gateway with one key and the models small and org/large.
type bench struct {
	gw  *Gateway
	mgr *fakeManager
	key string
	id  string
	log *safeBuffer
}

func newBench(t *testing.T, change ...func(*Options)) *bench {
	t.Helper()
	plain, key := NewKey("test", rand.Reader, time.Unix(1700000000, 0))
	b := &bench{key: plain, id: key.ID, log: &safeBuffer{}}
	b.mgr = &fakeManager{t: t, models: []host.ModelInfo{{ID: "org/large", OwnedBy: "org", Created: 7}, {ID: "small"}}}
	o := Options{
		Manager: b.mgr, Keys: NewKeyRing(key), Logger: slog.New(slog.NewJSONHandler(b.log, nil)),
		Settings: settings.Limits{BodyBytes: 1 << 20, ShutdownGrace: 10 * time.Second}, Version: "1",
	}
	for _, c := range change {
		c(&o)
	}
	b.gw = New(o)
	t.Cleanup(b.gw.stop)
	return b
}

// do sends a request with the key through the handler, in memory.
func (b *bench) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+b.key)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.gw.Handler().ServeHTTP(w, r)
	return w
}

const (
	chatPath    = "/v1/chat/completions"
	wholeBody   = `{"model":"small","messages":[]}`
	streamBody  = `{"model":"small","stream":true,"messages":[]}`
	sampleReply = `{"id":"x","choices":[]}`
)

// listen serves the gateway on a real listener until the test ends.
func (b *bench) listen(t *testing.T) (addr string, srv *Server) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv = NewServer(b.gw)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(context.Background(), ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = srv.Shutdown(ctx)
		<-done
	})
	return ln.Addr().String(), srv
}

// safeBuffer is a buffer for several goroutines.
type safeBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// lines returns the request lines of the log.
func (b *safeBuffer) lines(t *testing.T) []map[string]any {
	t.Helper()
	var out []map[string]any
	for line := range strings.Lines(b.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if m["msg"] == "request" {
			out = append(out, m)
		}
	}
	return out
}

// errorOf checks that a body is an error in OpenAI's shape and returns it.
func errorOf(t *testing.T, body string) map[string]any {
	t.Helper()
	var shape struct {
		Error map[string]any `json:"error"`
	}
	if err := json.Unmarshal([]byte(body), &shape); err != nil {
		t.Fatalf("%q is not JSON: %v", body, err)
	}
	for _, member := range []string{"message", "type", "param", "code"} {
		if _, ok := shape.Error[member]; !ok {
			t.Fatalf("%q has no %s", body, member)
		}
	}
	return shape.Error
}

// eventually waits for a state that another goroutine is about to reach.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen", what)
		}
		time.Sleep(time.Millisecond)
	}
}
