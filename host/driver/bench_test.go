package driver

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// endless is a door whose answer is one body that never ends, an event a read.
type endless struct{ event string }

func (d endless) Do(_ context.Context, _ *auth.Auth, _ egress.Destination, _ *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: io.NopCloser(d)}, nil
}

func (d endless) Read(p []byte) (int, error) { return copy(p, d.event), nil }

const benchEvent = "data: {\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}\n\n"

func benchStream(b *testing.B, g abi.Guest) {
	e := newExecutor(b, g, manifest(), func(o *Options) { o.Door = endless{benchEvent} })
	s, err := e.OpenStream(b.Context(), credential("http://127.0.0.1"), request(), executor.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPassedEvent is what the host does for an event that it does not look
// at: no allocation.
func BenchmarkPassedEvent(b *testing.B) {
	benchStream(b, always(send(abi.Send{Deliver: abi.DeliverPass})...))
}

// mapper is a guest that costs next to nothing: it gives back fixed bytes.
type mapper struct{ first, next []byte }

func (g mapper) Call(_ context.Context, op abi.Op, _, dst []byte) ([]byte, error) {
	if op == abi.OpExecute {
		return append(dst, g.first...), nil
	}
	return append(dst, g.next...), nil
}

// BenchmarkMappedEvent is the host's part of an event that a guest maps.
func BenchmarkMappedEvent(b *testing.B) {
	benchStream(b, mapper{
		first: abi.AppendMessage(nil, &abi.ActionList{Actions: send(abi.Send{Deliver: abi.DeliverEvents})}),
		next:  abi.AppendMessage(nil, &abi.ActionList{Actions: []abi.Action{chunk(strings.Repeat("x", 40)), wait}}),
	})
}

// BenchmarkWholeAnswer is an attempt without the network.
func BenchmarkWholeAnswer(b *testing.B) {
	g := mapper{first: abi.AppendMessage(nil, &abi.ActionList{Actions: []abi.Action{reply(`{"choices":[]}`)}})}
	e := newExecutor(b, g, manifest())
	a := credential("http://127.0.0.1")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Execute(b.Context(), a, request(), executor.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestPassedEventAllocatesNothing holds what the benchmark shows.
func TestPassedEventAllocatesNothing(t *testing.T) {
	e := newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass})...), manifest(), func(o *Options) { o.Door = endless{benchEvent} })
	s, err := e.OpenStream(t.Context(), credential("http://127.0.0.1"), request(), executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := s.Next(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}

// BenchmarkUnwrappedEvent is an event whose envelope the host takes off.
func BenchmarkUnwrappedEvent(b *testing.B) {
	s := envelopes(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

// envelopes is an endless stream of envelopes.
func envelopes(t testing.TB) executor.Stream {
	t.Helper()
	g := always(send(abi.Send{Deliver: abi.DeliverPass, Unwrap: "response"})...)
	e := newExecutor(t, g, featured(), func(o *Options) { o.Door = endless{"data: {\"id\":1,\"response\":{\"x\":\"hello\"}}\n\n"} })
	s, err := e.OpenStream(t.Context(), credential("http://127.0.0.1"), request(), executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestUnwrappedEventAllocatesNothing: an envelope costs no more than what is
// passed on untouched.
func TestUnwrappedEventAllocatesNothing(t *testing.T) {
	s := envelopes(t)
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := s.Next(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}
