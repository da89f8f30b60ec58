package host

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/retry"
)

type idle struct{ auth.ProviderExecutor }

func (idle) Identifier() string { return "p" }

func (idle) Execute(context.Context, *auth.Auth, executor.Request, executor.Options) (executor.Response, error) {
	return executor.Response{Headers: http.Header{}}, nil
}

// crowd is a store with n credentials that serve model m.
type crowd int

func (n crowd) List(context.Context) ([]*auth.Auth, error) {
	out := make([]*auth.Auth, n)
	for i := range out {
		out[i] = &auth.Auth{ID: fmt.Sprintf("id-%06d", i), Provider: "p", Attributes: map[string]string{auth.AttrModels: `["m"]`}}
	}
	return out, nil
}

func (crowd) Save(context.Context, *auth.Auth) (string, error) { return "", nil }
func (crowd) Delete(context.Context, string) error             { return nil }

func crowded(tb testing.TB, n int) *Manager {
	tb.Helper()
	m := NewManager(crowd(n), nil, nil)
	m.RegisterExecutor(idle{})
	if err := m.Load(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return m
}

func TestPickAllocatesNothing(t *testing.T) {
	for _, n := range []int{10, 100_000} {
		m := crowded(t, n)
		r, err := m.newRequest(t.Context(), []string{"p"}, executor.Request{Model: "m"}, executor.Options{})
		if err != nil {
			t.Fatal(err)
		}
		allocs := testing.AllocsPerRun(1000, func() {
			r.tried.Reset()
			if _, _, err := m.pick(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%d credentials: %v allocations", n, allocs)
		}
	}
}

func TestSuccessOfAHealthyCredentialAllocatesNothing(t *testing.T) {
	m := crowded(t, 10)
	res := auth.Result{AuthID: "id-000001", Model: "m", Success: true}
	if allocs := testing.AllocsPerRun(1000, func() { m.apply(m.slot(res.AuthID), res) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// BenchmarkMark is what one outcome costs among 100,000 credentials.
func BenchmarkMark(b *testing.B) {
	m := crowded(b, 100_000)
	ok := auth.Result{AuthID: "id-000001", Model: "m", Success: true}
	failed := auth.Result{AuthID: "id-000001", Model: "m", Error: &auth.Error{HTTPStatus: 500}}
	s := m.slot(ok.AuthID)
	b.Run("success", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.apply(s, ok)
		}
	})
	b.Run("failure", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.apply(s, failed)
		}
	})
}

// TestFailureAllocatesLittle: marking one failure among 100,000 allocates less
// than 4 KiB.
func TestFailureAllocatesLittle(t *testing.T) {
	m := crowded(t, 100_000)
	defer m.Close(t.Context())
	res := auth.Result{AuthID: "id-000001", Model: "m", Error: &auth.Error{HTTPStatus: 500}}
	const n = 200
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		m.MarkResult(t.Context(), res)
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / n; each >= 4<<10 {
		t.Errorf("a failure allocates %d bytes", each)
	}
}

// TestSuccessTakesNoLock: a success of a credential that nothing is held against
// is marked while somebody else has the manager's lock.
func TestSuccessTakesNoLock(t *testing.T) {
	m := crowded(t, 10)
	s := m.slot("id-000001")
	m.mu.Lock()
	defer m.mu.Unlock()
	m.apply(s, auth.Result{AuthID: s.id, Model: "m", Success: true})
}

// BenchmarkMemory is what 100,000 credentials with an API key need: the heap that
// they keep, and what the process has of the system once the collector has given
// back what it does not need, in MB.
func BenchmarkMemory(b *testing.B) {
	var base, held runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&base)
		m := New(Options{})
		for i := range 100_000 {
			a := &auth.Auth{ID: fmt.Sprintf("id-%06d", i), Provider: "p", Attributes: map[string]string{auth.AttrModels: `["m"]`, auth.AttrAPIKey: fmt.Sprintf("sk-%040d", i)}}
			if _, err := m.Register(b.Context(), a); err != nil {
				b.Fatal(err)
			}
		}
		debug.FreeOSMemory()
		runtime.ReadMemStats(&held)
		runtime.KeepAlive(m)
	}
	b.ReportMetric(float64(held.HeapAlloc-base.HeapAlloc)/1e6, "heap-MB")
	b.ReportMetric(float64(held.Sys-held.HeapReleased)/1e6, "sys-MB")
}

func BenchmarkPick(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		m := crowded(b, n)
		r, err := m.newRequest(b.Context(), []string{"p"}, executor.Request{Model: "m"}, executor.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint("pick/", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.tried.Reset()
				if _, _, err := m.pick(b.Context(), r); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprint("execute/", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Execute(b.Context(), []string{"p"}, executor.Request{Model: "m"}, executor.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		res := auth.Result{AuthID: "id-000001", Model: "m", Error: &auth.Error{HTTPStatus: 500}}
		b.Run(fmt.Sprint("fail-and-succeed/", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.apply(m.slot(res.AuthID), res)
				m.apply(m.slot(res.AuthID), auth.Result{AuthID: res.AuthID, Model: "m", Success: true})
			}
		})
	}
}

// TestAnotherRoundIsDecidedByFew: whether a request that failed gets another
// round costs the same among 100 and among 100,000 credentials, and looks at no
// more than a few of them.
func TestAnotherRoundIsDecidedByFew(t *testing.T) {
	var allocs [2]float64
	for i, n := range []int{100, 100_000} {
		m, r := failing(t, n)
		seen := 0
		allocs[i] = testing.AllocsPerRun(20, func() {
			seen = 0
			for range m.candidates(r, 0) {
				seen++
			}
		})
		if seen == 0 || seen > looked+1 {
			t.Errorf("among %d, %d were looked at", n, seen)
		}
	}
	if allocs[1] > 2*allocs[0] {
		t.Errorf("%v allocations among 100 and %v among 100,000", allocs[0], allocs[1])
	}
}

// failing is a manager of which each credential but a few waits, and a request
// that failed.
func failing(tb testing.TB, n int) (*Manager, *request) {
	tb.Helper()
	m := crowded(tb, n)
	m.SetRetryConfig(3, time.Minute, 0)
	for i := range n - 5 {
		hint := time.Duration(1+i%50) * time.Second
		m.apply(m.slot(fmt.Sprintf("id-%06d", i)), auth.Result{Model: "m", RetryAfter: &hint, Error: &auth.Error{HTTPStatus: 429}})
	}
	r, err := m.newRequest(tb.Context(), []string{"p"}, executor.Request{Model: "m"}, executor.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return m, r
}

// BenchmarkAnotherRound is the decision on another round.
func BenchmarkAnotherRound(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		m, r := failing(b, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for range m.candidates(r, 0) {
				}
			}
		})
	}
}

// TestARoundPassesOverFew: while an upstream host is shut, a round does not go
// through all the credentials that wait for it.
func TestARoundPassesOverFew(t *testing.T) {
	m := crowded(t, 1000)
	defer m.Close(t.Context())
	r, err := m.newRequest(t.Context(), []string{"p"}, executor.Request{Model: "m"}, executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	host := "one.example:443"
	for _, s := range m.slots {
		s.upstream.Store(&host)
		m.hosts.Silent(host, s.id, r.w.cooldown, m.now())
	}
	_, err = m.round(t.Context(), r, 0, func(context.Context, *attempt) error {
		t.Error("an attempt was made")
		return nil
	})
	if n := r.tried.Len(); n != maxRefused || !errors.Is(err, retry.ErrHostShut) {
		t.Errorf("%d credentials were passed over, and then: %v", n, err)
	}
}
