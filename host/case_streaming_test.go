package host_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// step is one thing that an upstream stream does: a payload, or an error.
type step struct {
	text string
	err  error
}

func texts(words ...string) []step {
	var out []step
	for _, w := range words {
		out = append(out, step{text: w})
	}
	return out
}

func broken(err error, words ...string) []step { return append(texts(words...), step{err: err}) }

// scripts are the streams of a provider, by credential.
type scripts map[string][]step

func headersOf(id string) http.Header { return http.Header{"X-From": {id}} }

// byChannel streams by ExecuteStream, as most Go executors do.
func byChannel(name string, of scripts) *provider {
	return &provider{name: name, flow: func(ctx context.Context, a *auth.Auth, _ executor.Request, _ executor.Options) (*executor.StreamResult, error) {
		chunks := make(chan executor.StreamChunk)
		go func() {
			defer close(chunks)
			for _, s := range of[a.ID] {
				select {
				case chunks <- executor.StreamChunk{Payload: []byte(s.text), Err: s.err}:
				case <-ctx.Done():
					return
				}
			}
		}()
		return &executor.StreamResult{Headers: headersOf(a.ID), Chunks: chunks}, nil
	}}
}

// byPull streams by OpenStream, as the plugins do.
type byPull struct {
	*provider
	of     scripts
	closed chan string // ids of closed streams; may be nil
}

func (p *byPull) OpenStream(ctx context.Context, a *auth.Auth, req executor.Request, _ executor.Options) (executor.Stream, error) {
	p.note(a, req)
	return &scripted{ctx: ctx, id: a.ID, steps: p.of[a.ID], closed: p.closed}, nil
}

// scripted is a pulled stream; it reuses its buffer, as it may.
type scripted struct {
	ctx    context.Context
	id     string
	steps  []step
	buf    []byte
	closed chan string
}

func (s *scripted) Headers() http.Header      { return headersOf(s.id) }
func (s *scripted) Framing() executor.Framing { return executor.FramingWire }

func (s *scripted) Next() ([]byte, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	if len(s.steps) == 0 {
		return nil, io.EOF
	}
	next := s.steps[0]
	s.steps = s.steps[1:]
	if next.text == "block" {
		<-s.ctx.Done()
		return nil, s.ctx.Err()
	}
	s.buf = append(s.buf[:0], next.text...)
	return s.buf, next.err
}

func (s *scripted) Close() error {
	if s.closed != nil {
		s.closed <- s.id
	}
	return nil
}

// eachKind runs a test with both kinds of executors.
func eachKind(t *testing.T, of scripts, test func(t *testing.T, r *rig, p *provider)) {
	t.Helper()
	for name, make := range map[string]func() (auth.ProviderExecutor, *provider){
		"channel": func() (auth.ProviderExecutor, *provider) { p := byChannel("p", of); return p, p },
		"pull": func() (auth.ProviderExecutor, *provider) {
			p := &byPull{provider: &provider{name: "p"}, of: of}
			return p, p.provider
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			e, p := make()
			r.RegisterExecutor(e)
			test(t, r, p)
		})
	}
}

// read reads a stream of ExecuteStream to its end.
func read(t *testing.T, res *executor.StreamResult) (words []string, err error) {
	t.Helper()
	for chunk := range res.Chunks {
		if err != nil {
			t.Fatalf("chunk %q after error %v", chunk.Payload, err)
		}
		if chunk.Err != nil {
			err = chunk.Err
			continue
		}
		words = append(words, string(chunk.Payload))
	}
	return words, err
}

// pull reads a stream of OpenStream to its end and closes it.
func pull(t *testing.T, s executor.Stream) (words []string, err error) {
	t.Helper()
	defer s.Close()
	for {
		p, err := s.Next()
		if err == io.EOF { //nolint:errorlint // a stream ends with io.EOF itself
			return words, nil
		}
		if err != nil {
			if _, again := s.Next(); !errors.Is(again, err) {
				t.Fatalf("after %v the stream says %v", err, again)
			}
			return words, err
		}
		words = append(words, string(p))
	}
}

func (r *rig) stream() (*executor.StreamResult, error) {
	return r.ExecuteStream(r.t.Context(), []string{"p"}, request("m"), executor.Options{})
}

func (r *rig) open() (executor.Stream, error) {
	return r.OpenStream(r.t.Context(), []string{"p"}, request("m"), executor.Options{})
}

// verdicts lists who was marked and how.
func (r *rig) verdicts() []string {
	var out []string
	for _, res := range r.hook.all() {
		word := "failed"
		if res.Success {
			word = "ok"
		}
		out = append(out, res.AuthID+" "+word)
	}
	return out
}

func TestCase31FailoverBeforeTheFirstByte(t *testing.T) {
	of := scripts{"a": broken(status(500)), "b": texts("", "one", "", "two")}
	eachKind(t, of, func(t *testing.T, r *rig, _ *provider) {
		r.addAll("p", "a", "b")
		res, err := r.stream()
		if err != nil {
			t.Fatal(err)
		}
		same(t, "headers", res.Headers.Get("X-From"), "b")
		words, err := read(t, res)
		if err != nil {
			t.Fatal(err)
		}
		sameList(t, "chunks", words, "one", "two")
		sameList(t, "marks", r.verdicts(), "a failed", "b ok")
		if last := r.hook.all()[1]; last.Started.IsZero() {
			t.Error("the success does not say when its attempt began")
		}
	})
	eachKind(t, of, func(t *testing.T, r *rig, _ *provider) {
		r.addAll("p", "a", "b")
		s, err := r.open()
		if err != nil {
			t.Fatal(err)
		}
		same(t, "headers", s.Headers().Get("X-From"), "b")
		words, err := pull(t, s)
		if err != nil {
			t.Fatal(err)
		}
		sameList(t, "pieces", words, "one", "two")
		sameList(t, "marks", r.verdicts(), "a failed", "b ok")
	})
}

func TestCase32AllBootstrapsFail(t *testing.T) {
	of := scripts{"a": broken(status(500)), "b": broken(status(503))}
	eachKind(t, of, func(t *testing.T, r *rig, p *provider) {
		r.addAll("p", "a", "b")
		res, err := r.stream()
		if err != nil {
			t.Fatal(err)
		}
		same(t, "headers", res.Headers.Get("X-From"), "b")
		words, err := read(t, res)
		same(t, "payloads", len(words), 0)
		same(t, "status", statusOf(err), 503)
		sameList(t, "calls", p.seen(), "a", "b")
	})
	eachKind(t, of, func(t *testing.T, r *rig, _ *provider) {
		r.addAll("p", "a", "b")
		s, err := r.open()
		if s != nil || statusOf(err) != 503 {
			t.Fatalf("got %v, %v", s, err)
		}
	})
}

func TestRequestFaultAtTheBootstrapIsAnError(t *testing.T) {
	eachKind(t, scripts{"a": broken(status(422))}, func(t *testing.T, r *rig, p *provider) {
		r.addAll("p", "a", "b")
		if _, err := r.stream(); statusOf(err) != 422 {
			t.Fatal(err)
		}
		sameList(t, "calls", p.seen(), "a")
	})
}

func TestCase33ErrorInTheMiddle(t *testing.T) {
	of := scripts{"a": broken(hinted(429, 7*time.Second), "one"), "b": texts("other")}
	eachKind(t, of, func(t *testing.T, r *rig, p *provider) {
		r.addAll("p", "a", "b")
		res, err := r.stream()
		if err != nil {
			t.Fatal(err)
		}
		words, err := read(t, res)
		sameList(t, "payloads", words, "one")
		same(t, "status", statusOf(err), 429)
		sameList(t, "marks", r.verdicts(), "a failed")
		sameList(t, "calls", p.seen(), "a")
		same(t, "wait", r.state("a", "m").NextRetryAfter.Sub(r.clock.Now()), 7*time.Second)
	})
	eachKind(t, of, func(t *testing.T, r *rig, _ *provider) {
		r.addAll("p", "a", "b")
		s, err := r.open()
		if err != nil {
			t.Fatal(err)
		}
		words, err := pull(t, s)
		sameList(t, "payloads", words, "one")
		same(t, "status", statusOf(err), 429)
		sameList(t, "marks", r.verdicts(), "a failed")
	})
}

func TestCase34EmptyStream(t *testing.T) {
	eachKind(t, scripts{"b": texts("one")}, func(t *testing.T, r *rig, _ *provider) {
		r.addAll("p", "a", "b")
		res, err := r.stream()
		if err != nil {
			t.Fatal(err)
		}
		words, _ := read(t, res)
		sameList(t, "payloads", words, "one")
		sameList(t, "marks", r.verdicts(), "a failed", "b ok")
	})
	eachKind(t, scripts{}, func(t *testing.T, r *rig, _ *provider) {
		r.addAll("p", "a")
		res, err := r.stream()
		if err != nil {
			t.Fatal(err)
		}
		_, err = read(t, res)
		same(t, "code", codeOf(err), auth.CodeEmptyStream)
		same(t, "status", statusOf(err), 502)
	})
	eachKind(t, scripts{"a": texts("", "")}, func(t *testing.T, r *rig, _ *provider) {
		r.addAll("p", "a")
		s, err := r.open()
		if err != nil {
			t.Fatal(err)
		}
		words, err := pull(t, s)
		if err != nil || len(words) != 0 {
			t.Fatalf("got %v, %v", words, err)
		}
		sameList(t, "marks", r.verdicts(), "a ok")
	})
}

func TestCase35ConsumerLeaves(t *testing.T) {
	of := scripts{"a": texts("one", "two", "three")}
	eachKind(t, of, func(t *testing.T, r *rig, _ *provider) {
		r.addAll("p", "a")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		res, err := r.ExecuteStream(ctx, []string{"p"}, request("m"), executor.Options{})
		if err != nil {
			t.Fatal(err)
		}
		<-res.Chunks
		cancel()
		for range res.Chunks { // at most one was on its way; then it is closed
		}
		sameList(t, "marks", r.verdicts())
	})
	eachKind(t, of, func(t *testing.T, r *rig, _ *provider) {
		r.addAll("p", "a")
		s, err := r.open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Next(); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Next(); err == nil {
			t.Fatal("a closed stream goes on")
		}
		same(t, "marks", len(r.verdicts()), 0)
	})
}

func TestCloseUnblocksNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		closed := make(chan string, 1)
		r.RegisterExecutor(&byPull{provider: &provider{name: "p"}, of: scripts{"a": texts("one", "block")}, closed: closed})
		r.addAll("p", "a")
		s, err := r.open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Next(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() {
			_, err := s.Next()
			ended <- err
		}()
		synctest.Wait()
		s.Close()
		if err := <-ended; err == nil {
			t.Fatal("the pull went on")
		}
		same(t, "closed", <-closed, "a")
		same(t, "marks", len(r.verdicts()), 0)
	})
}

func TestManagerCloseCutsForwardedStreams(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(&byPull{provider: &provider{name: "p"}, of: scripts{"a": texts("one", "block")}})
	r.addAll("p", "a")
	res, err := r.stream()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "first", string((<-res.Chunks).Payload), "one")
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range res.Chunks {
	}
	same(t, "marks", len(r.verdicts()), 0)
}

func TestStreamBootstrapHasRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, onWallClock)
		r.SetRetryConfig(1, 30*time.Second, 0)
		scriptOf := []scripts{{"a": broken(hinted(429, 2*time.Second))}, {"a": texts("one")}}
		p := &provider{name: "p"}
		p.flow = func(ctx context.Context, a *auth.Auth, req executor.Request, opts executor.Options) (*executor.StreamResult, error) {
			if !opts.Stream {
				t.Error("opts.Stream is not set")
			}
			return byChannel("p", scriptOf[len(p.seen())-1]).flow(ctx, a, req, opts)
		}
		r.RegisterExecutor(p)
		r.addAll("p", "a")
		s, err := r.open()
		if err != nil {
			t.Fatal(err)
		}
		words, err := pull(t, s)
		if err != nil {
			t.Fatal(err)
		}
		sameList(t, "pieces", words, "one")
		same(t, "calls", len(p.seen()), 2)
	})
}

func TestRemovedCredentialFinishesItsStream(t *testing.T) {
	eachKind(t, scripts{"a": texts("one", "two")}, func(t *testing.T, r *rig, _ *provider) {
		r.addAll("p", "a")
		s, err := r.open()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Remove(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		words, err := pull(t, s)
		if err != nil {
			t.Fatal(err)
		}
		sameList(t, "pieces", words, "one", "two")
		if _, ok := r.GetByID("a"); ok {
			t.Fatal("the end of the stream brought the credential back")
		}
	})
}

func TestExecutorsWithoutASource(t *testing.T) {
	for name, res := range map[string]*executor.StreamResult{"nil": nil, "no channel": {}} {
		r := newRig(t)
		r.RegisterExecutor(&provider{name: "p", flow: func(context.Context, *auth.Auth, executor.Request, executor.Options) (*executor.StreamResult, error) {
			return res, nil
		}})
		r.addAll("p", "a")
		if _, err := r.stream(); codeOf(err) != auth.CodeEmptyStream {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLateSuccess: a long stream that ends well does not lift a block that is
// younger than its beginning.
func TestLateSuccess(t *testing.T) {
	eachKind(t, scripts{"a": texts("one", "two")}, func(t *testing.T, r *rig, _ *provider) {
		r.addAll("p", "a")
		s, err := r.open()
		if err != nil {
			t.Fatal(err)
		}
		r.clock.pass(time.Second)
		r.block("a", "m", 429, time.Minute)
		if _, err := pull(t, s); err != nil {
			t.Fatal(err)
		}
		if !r.state("a", "m").Unavailable {
			t.Fatal("the late success lifted the block")
		}
	})
}

func TestForwardedChunksAreTheConsumersOwn(t *testing.T) {
	eachKind(t, scripts{"a": texts("one", "two", "six")}, func(t *testing.T, r *rig, _ *provider) {
		r.addAll("p", "a")
		res, err := r.stream()
		if err != nil {
			t.Fatal(err)
		}
		var kept [][]byte
		for chunk := range res.Chunks {
			kept = append(kept, chunk.Payload)
		}
		same(t, "kept", string(slices.Concat(kept...)), strings.Join([]string{"one", "two", "six"}, ""))
	})
}

var _ host.StreamOpener = (*byPull)(nil)
