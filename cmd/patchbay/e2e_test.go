package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/patchbay-dev/patchbay/cmd/patchbay/internal/pluginbuild"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/host/testkit/wasmcache"
)

// built holds the example plugins, built once by the real toolchain.
var built struct {
	once         sync.Once
	openai, echo []byte
	err          error
}

// examples builds the example plugins the way a stranger would.
func examples(t testing.TB) (openaiCompatible, echo []byte) {
	t.Helper()
	built.once.Do(func() {
		dir, err := os.MkdirTemp("", "patchbay-e2e")
		if err != nil {
			built.err = err
			return
		}
		defer os.RemoveAll(dir)
		for name, into := range map[string]*[]byte{"openai-compatible": &built.openai, "echo": &built.echo} {
			out := filepath.Join(dir, name+".wasm")
			err := pluginbuild.Build(context.Background(), pluginbuild.Options{
				Dir: filepath.Join("..", "..", "examples", name), Out: out, CacheDir: filepath.Join(dir, "cache"),
				Stdout: io.Discard, Stderr: os.Stderr, Version: "test",
			})
			if err == nil {
				*into, err = os.ReadFile(out)
			}
			if err != nil {
				built.err = err
				return
			}
		}
		built.err = wasmcache.WarmAll(built.openai, built.echo)
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.openai, built.echo
}

// node is a server that runs in this process, on real sockets.
type node struct {
	t    testing.TB
	cfg  settings.Config
	url  string
	log  *safeBuffer
	ops  admin.Operations
	stop func() error
	// load is what a reload reads; nil means cfg as it is.
	load atomic.Pointer[func() (settings.Config, error)]
}

// next is what a reload reads.
func (n *node) next() (settings.Config, error) {
	if load := n.load.Load(); load != nil {
		return (*load)()
	}
	return n.cfg, nil
}

// start serves from dir until the test ends or stop is called.
func start(t testing.TB, dir string, change ...func(*settings.Config)) *node {
	t.Helper()
	cfg := settings.Default()
	cfg.DataDir, cfg.Listen = dir, freeAddress(t)
	shareCache(t, dir)
	cfg.Limits.ShutdownGrace = 5 * time.Second
	cfg.Plugins.CallTimeout = 30 * time.Second // on a busy machine, under the race detector
	for _, f := range change {
		f(&cfg)
	}
	n := &node{t: t, cfg: cfg, url: "http://" + cfg.Listen, log: new(safeBuffer)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	ready := make(chan struct{})
	out := &announced{ready: ready}
	go func() {
		done <- serve(ctx, serving{cfg: cfg, load: func() (settings.Config, error) { return n.next() }, out: out, errs: n.log})
	}()
	var once sync.Once
	n.stop = func() (err error) {
		once.Do(func() {
			cancel()
			select {
			case err = <-done:
			case <-time.After(30 * time.Second):
				err = errors.New("the server did not stop")
			}
		})
		return err
	}
	t.Cleanup(func() {
		if err := n.stop(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		t.Fatalf("the server did not start: %v\n%s", err, n.log)
	case <-time.After(2 * time.Minute):
		t.Fatalf("the server is not ready\n%s", n.log)
	}
	ops, err := admin.Dial(dir)
	if err != nil {
		t.Fatal(err)
	}
	n.ops = ops
	return n
}

// shareCache lets a data directory use the tests' compile cache: under the race
// detector a module takes twenty times as long to compile.
func shareCache(t testing.TB, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(wasmcache.Dir(), filepath.Join(dir, "cache")); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// install puts a module into the running server.
func (n *node) install(name string, wasm []byte) {
	n.t.Helper()
	if _, err := n.ops.InstallPlugin(n.t.Context(), admin.InstallRequest{Path: name, Wasm: wasm, Yes: true}); err != nil {
		n.t.Fatal(err)
	}
}

// add stores a credential of the OpenAI-compatible example.
func (n *node) add(label, baseURL, key string) admin.AuthView {
	n.t.Helper()
	v, err := n.ops.AddAuth(n.t.Context(), admin.AuthSpec{
		Provider: "openai-compatible", Label: label,
		Set: map[string]string{"base_url": baseURL}, Secrets: map[string]string{"api_key": key},
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return v
}

// key makes a client key.
func (n *node) key() string {
	n.t.Helper()
	k, err := n.ops.CreateKey(n.t.Context(), "test")
	if err != nil {
		n.t.Fatal(err)
	}
	return k.Key
}

// client is the official SDK, unmodified, pointed at the server. It does not
// retry by itself, so that what the server says is what the test sees.
func (n *node) client(key string) openai.Client {
	return openai.NewClient(option.WithBaseURL(n.url+"/v1"), option.WithAPIKey(key), option.WithMaxRetries(0))
}

// announced is where a server announces itself; ready is closed with the first
// line.
type announced struct {
	once  sync.Once
	ready chan struct{}
	safeBuffer
}

func (a *announced) Write(p []byte) (int, error) {
	a.once.Do(func() { close(a.ready) })
	return a.safeBuffer.Write(p)
}

// safeBuffer is a buffer that several goroutines write to.
type safeBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func chat(model, text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    model,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)},
	}
}

// streamed collects a stream's text.
func streamed(t testing.TB, c openai.Client, p openai.ChatCompletionNewParams) (string, error) {
	t.Helper()
	s := c.Chat.Completions.NewStreaming(t.Context(), p)
	defer s.Close()
	var b strings.Builder
	for s.Next() {
		for _, choice := range s.Current().Choices {
			b.WriteString(choice.Delta.Content)
		}
	}
	return b.String(), s.Err()
}

func apiError(t testing.TB, err error) *openai.Error {
	t.Helper()
	var e *openai.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v (%T), want the SDK's typed error", err, err)
	}
	return e
}

func echoSpec() admin.AuthSpec { return admin.AuthSpec{Provider: "echo", Label: "demo"} }
