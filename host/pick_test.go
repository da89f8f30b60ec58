package host

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
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
			if _, _, err := m.pick(t.Context(), r, 0); err != nil {
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
				if _, _, err := m.pick(b.Context(), r, 0); err != nil {
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
