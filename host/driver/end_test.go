package driver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// TestK01ClientLeaves: the end of the client's context, and Close, reach the
// upstream at once, whatever the stream waits for.
func TestK01ClientLeaves(t *testing.T) {
	for _, deliver := range []abi.Deliver{abi.DeliverPass, abi.DeliverEvents} {
		for _, how := range []string{"context", "close"} {
			t.Run(deliver.String()+" "+how, func(t *testing.T) {
				gone := make(chan struct{})
				up := serve(t, func(w http.ResponseWriter, r *http.Request) {
					sse("data: 1\n\n")(w, r)
					<-r.Context().Done()
					close(gone)
				})
				g := &fakeGuest{answer: func(n int, _ call) []abi.Action {
					if n == 0 {
						return send(abi.Send{Deliver: deliver})
					}
					return []abi.Action{chunk("x"), wait}
				}}
				e := newExecutor(t, g, manifest())
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s, err := e.OpenStream(ctx, credential(up.URL), request(), executor.Options{})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.Next(); err != nil {
					t.Fatal(err)
				}
				ended := make(chan error, 1)
				go func() { _, err := s.Next(); ended <- err }()
				if how == "context" {
					cancel()
				} else {
					s.Close()
				}
				select {
				case <-gone:
				case <-time.After(time.Second):
					t.Error("the upstream was not told within a second")
				}
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Errorf("Next ended with %v", err)
				}
				s.Close()
				if err := e.Drain(t.Context()); err != nil {
					t.Errorf("drain: %v", err)
				}
			})
		}
	}
}

// TestDrain: Drain waits for a stream that is open, and for nothing else.
func TestDrain(t *testing.T) {
	up := serve(t, sse("data: 1\n\n"))
	e := newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass})...), manifest())
	if err := e.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := open(t, e, up.URL)
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := e.Drain(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("drain with an open stream: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- e.Drain(t.Context()) }()
	if _, err := readStream(t, s); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestExecuteStream: the channel carries the same bytes and is closed.
func TestExecuteStream(t *testing.T) {
	up := serve(t, sse("data: 1\n\n", "data: 2\n\n"))
	e := newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass})...), manifest())
	r, err := e.ExecuteStream(t.Context(), credential(up.URL), request(), executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for c := range r.Chunks {
		if c.Err != nil {
			t.Error(c.Err)
		}
		got.Write(c.Payload)
	}
	if got.String() != "data: 1\n\ndata: 2\n\n" || r.Framing != executor.FramingWire {
		t.Errorf("got %q", got.String())
	}
}

// trapping is a guest that dies at its second call.
type trapping struct {
	*fakeGuest
}

func (g trapping) Call(ctx context.Context, op abi.Op, input, dst []byte) ([]byte, error) {
	if op == abi.OpEvents && len(g.calls) > 1 {
		return dst, &abi.CallError{Plugin: "fake", Op: op, Fault: abi.FaultTrap}
	}
	return g.fakeGuest.Call(ctx, op, input, dst)
}

// TestP11TrapInAStream: what was given stays given, the plugin is named, and the
// upstream is let go. spec: faults.md P-11.
func TestP11TrapInAStream(t *testing.T) {
	gone := make(chan struct{})
	more := make(chan struct{})
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sse("data: 1\n\n")(w, r)
		<-more
		io.WriteString(w, "data: 2\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	})
	g := &fakeGuest{answer: func(n int, _ call) []abi.Action {
		if n == 0 {
			return send(abi.Send{Deliver: abi.DeliverEvents})
		}
		close(more)
		return []abi.Action{chunk("one"), wait}
	}}
	s, err := open(t, newExecutor(t, trapping{g}, manifest()), up.URL)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readStream(t, s)
	if got != "data: one\n\n" || !errors.As(err, new(*PluginError)) {
		t.Errorf("got %q, %v", got, err)
	}
	if _, again := s.Next(); again == nil {
		t.Error("the stream goes on")
	}
	select {
	case <-gone:
	case <-time.After(time.Second):
		t.Error("the upstream was not let go within a second")
	}
}

// TestRetire: no attempt begins any more, and the one that runs ends well.
func TestRetire(t *testing.T) {
	up := serve(t, sse("data: 1\n\n"))
	e := newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass})...), manifest())
	s, err := open(t, e, up.URL)
	if err != nil {
		t.Fatal(err)
	}
	e.Retire()
	if _, err := open(t, e, up.URL); !errors.Is(err, executor.ErrRetired) {
		t.Errorf("a new attempt: %v", err)
	}
	if got, err := readStream(t, s); err != nil || got != "data: 1\n\n" {
		t.Errorf("the running one: %q, %v", got, err)
	}
	if err := e.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}
