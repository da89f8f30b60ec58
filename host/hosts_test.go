package host_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/retry"
)

// dead is what an executor says of a host that sends nothing.
func dead(host string) error {
	return &executor.UpstreamError{Message: "connection reset", Host: host, Err: syscall.ECONNRESET}
}

// TestFaultU05HostWide: when several credentials get no answer from one host, no
// credential is blamed, the others are not sprayed over it, those of other hosts
// serve, and after a moment a single request tries it out.
func TestFaultU05HostWide(t *testing.T) {
	r := newRig(t)
	down := true
	p := &provider{name: "p", do: func(_ context.Context, a *auth.Auth, _ executor.Request, _ executor.Options) (executor.Response, error) {
		if down && a.ID != "z" {
			return executor.Response{}, dead("one.example:443")
		}
		return executor.Response{Payload: []byte(a.ID)}, nil
	}}
	r.RegisterExecutor(p)
	r.addAll("p", "a", "b", "c", "d")
	asked := func() int {
		before := len(p.seen())
		if _, err := r.ask("m", "p"); statusOf(err) != 0 || err == nil {
			t.Fatal(err)
		}
		return len(p.seen()) - before
	}
	same(t, "calls while nothing is known", asked(), 4)
	for _, id := range []string{"a", "b", "c", "d"} {
		if s := r.state(id, "m"); s.Unavailable {
			t.Fatalf("%s is blamed: %+v", id, s)
		}
	}
	same(t, "calls while the host is shut", asked(), 0)
	if _, err := r.ask("m", "p"); !errors.Is(err, retry.ErrHostShut) {
		t.Fatal(err)
	}
	r.addAll("p", "z")
	r.answers("z", "z")("m", "p")
	if err := r.Remove(t.Context(), "z"); err != nil {
		t.Fatal(err)
	}
	r.clock.pass(5 * time.Second)
	same(t, "calls that try it out", asked(), 1)
	r.clock.pass(5 * time.Second)
	down = false
	for range 4 {
		if _, err := r.ask("m", "p"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFaultU05EndsWithARound: a request waits for a host as for anything that
// passes, if it may.
func TestFaultU05EndsWithARound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, onWallClock)
		r.SetRetryConfig(1, 30*time.Second, 0)
		began := time.Now()
		p := &provider{name: "p", do: func(_ context.Context, a *auth.Auth, _ executor.Request, _ executor.Options) (executor.Response, error) {
			if time.Since(began) < 3*time.Second {
				return executor.Response{}, dead("one.example:443")
			}
			return executor.Response{Payload: []byte(a.ID)}, nil
		}}
		r.RegisterExecutor(p)
		r.addAll("p", "a", "b", "c")
		if _, err := r.ask("m", "p"); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited < 5*time.Second || waited > 7*time.Second {
			t.Fatalf("waited %v", waited)
		}
		same(t, "calls", len(p.seen()), 4)
	})
}

// TestFaultU05AnotherHostAfterAnEdit: what is written anew may stand for another
// host.
func TestFaultU05AnotherHostAfterAnEdit(t *testing.T) {
	r := newRig(t)
	errs := map[string]error{"a": dead("h:1"), "b": dead("h:1"), "c": dead("h:1")}
	p := fails("p", errs)
	r.RegisterExecutor(p)
	r.addAll("p", "a", "b", "c")
	if _, err := r.ask("m", "p"); err == nil {
		t.Fatal("nobody failed")
	}
	delete(errs, "b")
	r.update(*r.get("b"))
	r.answers("b", "b")("m", "p")
}

// TestFaultU05AnErrorIsAnAnswer: an upstream that says no is there.
func TestFaultU05AnErrorIsAnAnswer(t *testing.T) {
	r := newRig(t)
	errs := map[string]error{"a": dead("h:1"), "b": dead("h:1")}
	p := fails("p", errs)
	r.RegisterExecutor(p)
	r.addAll("p", "a", "b")
	_, _ = r.ask("m", "p")
	errs["a"], errs["b"] = status(401), status(401)
	_, _ = r.ask("m", "p") // both answer
	errs["c"] = dead("h:1")
	r.addAll("p", "c")
	_, _ = r.ask("m", "p")
	before := len(p.seen())
	_, _ = r.ask("m", "p")
	same(t, "calls of the next", len(p.seen())-before, 1)
}
