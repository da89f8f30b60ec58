package host_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/selector"
)

// gate is an executor whose calls wait until a test lets them go on.
type gate struct {
	*provider
	arrived chan *visit
}

// visit is a call that waits.
type visit struct {
	id     string
	answer chan error // what the executor returns
	done   chan error // what the request came to
}

func (v *visit) succeed() error {
	v.answer <- nil
	return <-v.done
}

func newGate(name string) *gate {
	g := &gate{arrived: make(chan *visit)}
	g.provider = &provider{name: name, do: func(ctx context.Context, a *auth.Auth, _ executor.Request, _ executor.Options) (executor.Response, error) {
		v := &visit{id: a.ID, answer: make(chan error), done: make(chan error, 1)}
		select {
		case g.arrived <- v:
		case <-ctx.Done():
			return executor.Response{}, ctx.Err()
		}
		select {
		case err := <-v.answer:
			return executor.Response{Payload: []byte(a.ID)}, err
		case <-ctx.Done():
			return executor.Response{}, ctx.Err()
		}
	}}
	return g
}

// begin asks in the background and returns when a credential is being used.
func (r *rig) begin(ctx context.Context, g *gate, model string) *visit {
	r.t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := r.Execute(ctx, []string{g.name}, request(model), executor.Options{})
		done <- err
	}()
	select {
	case v := <-g.arrived:
		v.done = done
		return v
	case err := <-done:
		r.t.Fatalf("nobody was asked: %v", err)
		return nil
	}
}

// refused asks for a model that nobody may be used for now.
func (r *rig) refused(g *gate, model string) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := r.Execute(ctx, []string{g.name}, request(model), executor.Options{})
		done <- err
	}()
	select {
	case v := <-g.arrived:
		r.t.Fatalf("%s was asked for %s", v.id, model)
	case err := <-done:
		if codeOf(err) != auth.CodeAuthUnavailable {
			r.t.Fatalf("%s: %v", model, err)
		}
	}
}

// TestOneProbe: when a long block ends, one request tries the credential out,
// and the others wait for what it finds, whatever picks.
func TestOneProbe(t *testing.T) {
	for name, with := range map[string]func(*host.Options){
		"indexed": func(*host.Options) {},
		"custom": func(o *host.Options) {
			o.Selector = bySlice{selector.NewRoundRobin(o.Clock.Now, func(int) int { return 0 })}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, with)
			g := newGate("p")
			r.RegisterExecutor(g)
			r.add(auth.Auth{ID: "a", Provider: "p", Prefix: "team"}, "m", "n")
			r.block("a", "m", 401, 0)
			r.clock.pass(30 * time.Minute)

			probe := r.begin(t.Context(), g, "m")
			for _, model := range []string{"m", "team/m", "m(high)"} {
				r.refused(g, model)
			}
			if err := r.begin(t.Context(), g, "n").succeed(); err != nil { // another model is another matter
				t.Fatal(err)
			}
			if err := probe.succeed(); err != nil {
				t.Fatal(err)
			}
			one, two := r.begin(t.Context(), g, "m"), r.begin(t.Context(), g, "team/m")
			if err := errors.Join(one.succeed(), two.succeed()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestFailedProbeWaitsLonger: and the request goes on to the next credential.
func TestFailedProbeWaitsLonger(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", map[string]error{"a": status(403)}))
	r.addAll("p", "a", "b")
	for _, want := range []int{30, 60, 120, 240, 360, 360} {
		r.answers("b", "b")("m", "p")
		wait := r.state("a", "m").NextRetryAfter.Sub(r.clock.Now())
		same(t, "wait", wait, time.Duration(want)*time.Minute)
		r.clock.pass(wait)
	}
}

// TestAbandonedProbe: who leaves teaches nothing, and the next request is the
// probe.
func TestAbandonedProbe(t *testing.T) {
	r := newRig(t)
	g := newGate("p")
	r.RegisterExecutor(g)
	r.addAll("p", "a")
	r.block("a", "m", 403, 0)
	r.clock.pass(30 * time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	left := r.begin(ctx, g, "m")
	cancel()
	<-left.done
	r.refused(g, "m") // a second probe within a second
	r.clock.pass(time.Second)
	probe := r.begin(t.Context(), g, "m")
	r.refused(g, "m")
	if err := probe.succeed(); err != nil {
		t.Fatal(err)
	}
	same(t, "status", r.get("a").Status, auth.StatusActive)
}

// TestProbesArePaced: of many credentials that come back together, one a second
// is tried out for a model; the rest of the requests go to those that work.
func TestProbesArePaced(t *testing.T) {
	r := newRig(t)
	p := fails("p", map[string]error{"a": status(403), "b": status(403), "c": status(403)})
	r.RegisterExecutor(p)
	r.addAll("p", "a", "b", "c", "d")
	r.answers("d")("m", "p")
	r.clock.pass(30 * time.Minute)
	for range 3 {
		before := len(p.seen())
		r.answers("d", "d", "d")("m", "p")
		same(t, "calls for three requests", len(p.seen())-before, 4)
		r.clock.pass(time.Second)
	}
	before := len(p.seen())
	r.answers("d")("m", "p")
	same(t, "calls when all are tried out", len(p.seen())-before, 1)
}

// TestWholeCredentialProbe: a block of the credential ends in one probe for all
// its models.
func TestWholeCredentialProbe(t *testing.T) {
	r := newRig(t)
	g := newGate("p")
	r.RegisterExecutor(g)
	r.add(auth.Auth{ID: "a", Provider: "p"}, "m", "n")
	hint := time.Hour
	r.MarkResult(t.Context(), auth.Result{
		AuthID: "a", Model: "m", RetryAfter: &hint, CredentialScope: true, Error: &auth.Error{HTTPStatus: 429},
	})
	r.clock.pass(time.Hour)
	probe := r.begin(t.Context(), g, "m")
	r.refused(g, "n")
	if err := errors.Join(probe.succeed(), r.begin(t.Context(), g, "n").succeed()); err != nil {
		t.Fatal(err)
	}
}

// TestStreamEndsItsProbeWithItsFirstByte, and not when it ends.
func TestStreamEndsItsProbeWithItsFirstByte(t *testing.T) {
	r := newRig(t)
	chunks := make(chan executor.StreamChunk, 1)
	r.RegisterExecutor(&provider{name: "p", flow: func(context.Context, *auth.Auth, executor.Request, executor.Options) (*executor.StreamResult, error) {
		return &executor.StreamResult{Chunks: chunks}, nil
	}})
	r.addAll("p", "a")
	r.block("a", "m", 403, 0)
	r.clock.pass(30 * time.Minute)
	chunks <- executor.StreamChunk{Payload: []byte("x")}
	s, err := r.OpenStream(t.Context(), []string{"p"}, request("m"), executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "status", r.get("a").Status, auth.StatusActive)
	same(t, "results", len(r.hook.all()), 1) // the block's own: the stream has not ended
	close(chunks)
	r.answers("a")("m", "p")
	if _, err := s.Next(); err != nil {
		t.Fatal(err)
	}
	s.Close()
}
