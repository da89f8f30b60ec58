package host_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

func limited(id, n string) auth.Auth {
	return auth.Auth{ID: id, Provider: "p", Attributes: map[string]string{auth.AttrMaxInFlight: n}}
}

// TestNoMoreInFlightThanAllowed: the next request goes elsewhere, and when there
// is nowhere else it is told why; an answer makes room, and so does a client that
// leaves.
func TestNoMoreInFlightThanAllowed(t *testing.T) {
	r := newRig(t)
	g := newGate("p")
	r.RegisterExecutor(g)
	r.add(limited("a", "2"), "m")
	r.add(limited("b", "1"), "m")
	ctx, leave := context.WithCancel(t.Context())
	one, two, three := r.begin(t.Context(), g, "m"), r.begin(t.Context(), g, "m"), r.begin(ctx, g, "m")
	same(t, "who was asked", one.id+two.id+three.id, "aba")
	r.refused(g, "m")
	_, err := r.Execute(t.Context(), []string{"p"}, request("m"), executor.Options{})
	if err == nil || !strings.Contains(err.Error(), "saturated: 2 of 2 in flight") || statusOf(err) != 503 {
		t.Fatalf("refused with %v", err)
	}
	for _, c := range r.Explain(nil, "m", executor.Options{}).Candidates {
		same(t, c.ID, c.Verdict, host.VerdictSaturated)
	}
	leave()
	<-three.done
	four := r.begin(t.Context(), g, "m")
	same(t, "who was asked", four.id, "a")
	if err := errors.Join(two.succeed(), one.succeed(), four.succeed()); err != nil {
		t.Fatal(err)
	}
	r.begin(t.Context(), g, "m").fails(errors.New("gone"), g, t)
	for range 3 { // nothing is left behind
		if err := errors.Join(r.begin(t.Context(), g, "m").succeed()); err != nil {
			t.Fatal(err)
		}
	}
}

// fails answers with an error, and lets whoever is asked next answer well.
func (v *visit) fails(err error, g *gate, t *testing.T) {
	v.answer <- err
	next := <-g.arrived
	next.answer <- nil
	if err := <-v.done; err != nil {
		t.Error(err)
	}
}

// TestStreamIsInFlightUntilItIsClosed, and not longer, however it ends.
func TestStreamIsInFlightUntilItIsClosed(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(&provider{name: "p", flow: func(context.Context, *auth.Auth, executor.Request, executor.Options) (*executor.StreamResult, error) {
		chunks := make(chan executor.StreamChunk, 1)
		chunks <- executor.StreamChunk{Payload: []byte("x")}
		close(chunks)
		return &executor.StreamResult{Chunks: chunks}, nil
	}})
	r.add(limited("a", "1"), "m")
	open := func() (executor.Stream, error) {
		return r.OpenStream(t.Context(), []string{"p"}, request("m"), executor.Options{})
	}
	for range 2 {
		s, err := open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open(); codeOf(err) != auth.CodeAuthUnavailable {
			t.Fatalf("a second stream: %v", err)
		}
		s.Close()
		s.Close()
		if s, err = open(); err != nil {
			t.Fatal(err)
		}
		for err == nil { // read to its end
			_, err = s.Next()
		}
	}
}

// TestLimitIsOfTheMoment: it may change while requests run, and a record that is
// replaced keeps its count.
func TestLimitIsOfTheMoment(t *testing.T) {
	r := newRig(t)
	g := newGate("p")
	r.RegisterExecutor(g)
	r.addAll("p", "a")
	one := r.begin(t.Context(), g, "m")
	r.add(limited("a", "1"), "m")
	r.refused(g, "m")
	r.add(limited("a", "2"), "m")
	two := r.begin(t.Context(), g, "m")
	r.refused(g, "m")
	r.add(limited("a", "1"), "m")
	if err := one.succeed(); err != nil {
		t.Fatal(err)
	}
	r.refused(g, "m")
	if err := two.succeed(); err != nil {
		t.Fatal(err)
	}
	if err := r.begin(t.Context(), g, "m").succeed(); err != nil {
		t.Fatal(err)
	}
}

// TestManyAtOnceStayBelowTheLimit, whatever they race with.
func TestManyAtOnceStayBelowTheLimit(t *testing.T) {
	r := newRig(t)
	var now, most atomic.Int32
	r.RegisterExecutor(&provider{name: "p", do: func(context.Context, *auth.Auth, executor.Request, executor.Options) (executor.Response, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		return executor.Response{}, nil
	}})
	r.add(limited("a", "3"), "m")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 300 {
				if i == 0 {
					r.block("a", "m", 500, time.Second)
					r.MarkResult(t.Context(), auth.Result{AuthID: "a", Model: "m", Success: true})
				}
				if _, err := r.ask("m", "p"); err != nil && codeOf(err) != auth.CodeAuthUnavailable {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n > 3 || n == 0 {
		t.Fatalf("%d at a time", n)
	}
	r.clock.pass(time.Hour)
	if _, err := r.ask("m", "p"); err != nil {
		t.Fatal("it is not let go: ", err)
	}
}
