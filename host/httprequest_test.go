package host_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// keyed is an executor that puts keys on requests and sends them.
type keyed struct {
	*provider
	prepared, sent []*auth.Auth
	transport      http.RoundTripper
	err            error
}

func (k *keyed) PrepareRequest(req *http.Request, a *auth.Auth) error {
	k.prepared = append(k.prepared, a)
	req.Header.Set("Authorization", "Bearer "+a.Attributes[auth.AttrAPIKey])
	a.Attributes[auth.AttrAPIKey] = "spoiled"
	return k.err
}

func (k *keyed) HttpRequest(ctx context.Context, a *auth.Auth, req *http.Request) (*http.Response, error) {
	k.sent = append(k.sent, a)
	k.transport = executor.RoundTripper(ctx)
	a.Attributes[auth.AttrAPIKey] = "spoiled"
	return &http.Response{StatusCode: http.StatusTeapot, Request: req, Body: http.NoBody}, k.err
}

func keyedRig(t *testing.T) (*rig, *keyed, *auth.Auth) {
	t.Helper()
	r := newRig(t)
	k := &keyed{provider: &provider{name: "p"}}
	r.RegisterExecutor(k)
	r.RegisterExecutor(&provider{name: "plain"})
	r.add(auth.Auth{ID: "a", Provider: " P ", Attributes: map[string]string{auth.AttrAPIKey: "key"}})
	r.add(auth.Auth{ID: "b", Provider: "plain"})
	r.add(auth.Auth{ID: "c", Provider: "nobody"})
	a, _ := r.GetByID("a")
	return r, k, a
}

func get(t *testing.T) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.test/v1", nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func keyIn(r *rig) string {
	a, _ := r.GetByID("a")
	return a.Attributes[auth.AttrAPIKey]
}

// TestRequestsAreRefusedByCode: every way of asking wrongly has its own code.
func TestRequestsAreRefusedByCode(t *testing.T) {
	r, k, a := keyedRig(t)
	plain, lost := &auth.Auth{Provider: "plain"}, &auth.Auth{ID: "c", Provider: "nobody"}
	for _, c := range []struct {
		name          string
		a             *auth.Auth
		req           *http.Request
		prepare, send string
	}{
		{"no credential", nil, get(t), auth.CodeAuthNotFound, auth.CodeAuthNotFound},
		{"neither", nil, nil, auth.CodeAuthNotFound, auth.CodeAuthNotFound},
		{"no request", a, nil, auth.CodeInvalidRequest, auth.CodeInvalidRequest},
		{"no provider", &auth.Auth{Provider: " "}, get(t), auth.CodeProviderNotFound, auth.CodeProviderNotFound},
		{"no executor", lost, get(t), auth.CodeProviderNotFound, auth.CodeProviderNotFound},
		{"no preparer", plain, get(t), auth.CodeNotSupported, ""},
		{"fine", a, get(t), "", ""},
	} {
		if got := codeOf(r.PrepareHttpRequest(t.Context(), c.a, c.req)); got != c.prepare {
			t.Errorf("prepare, %s: %q, want %q", c.name, got, c.prepare)
		}
		if _, err := r.HttpRequest(t.Context(), c.a, c.req); codeOf(err) != c.send {
			t.Errorf("send, %s: %v, want %q", c.name, err, c.send)
		}
		if c.req != nil {
			if _, err := r.NewHttpRequest(t.Context(), c.a, "", c.req.URL.String(), nil, nil); codeOf(err) != c.prepare {
				t.Errorf("new, %s: %v, want %q", c.name, err, c.prepare)
			}
		}
	}
	for _, bad := range [][2]string{{"GET", "https://api.test/%zz?key=hidden"}, {"NO METHOD", "https://api.test/?key=hidden"}} {
		_, err := r.NewHttpRequest(t.Context(), a, bad[0], bad[1], nil, nil)
		same(t, "code", codeOf(err), auth.CodeInvalidRequest)
		if strings.Contains(err.Error(), "hidden") {
			t.Errorf("the error repeats the URL: %v", err)
		}
	}
	k.err = errors.New("the key is gone")
	if err := r.PrepareHttpRequest(t.Context(), a, get(t)); !errors.Is(err, k.err) {
		t.Errorf("the executor's error is lost: %v", err)
	}
}

// TestPreparedRequests: what comes out has the key and the caller's context;
// executors get copies.
func TestPreparedRequests(t *testing.T) {
	r, k, a := keyedRig(t)
	type mark struct{}
	ctx := context.WithValue(t.Context(), mark{}, "mine")

	req := get(t)
	if err := r.PrepareHttpRequest(ctx, a, req); err != nil {
		t.Fatal(err)
	}
	same(t, "header", req.Header.Get("Authorization"), "Bearer key")
	same(t, "context", req.Context().Value(mark{}), any("mine"))
	same(t, "the caller's own record", a.Attributes[auth.AttrAPIKey], "key")
	if err := r.PrepareHttpRequest(nil, a, req); err != nil { //nolint:staticcheck // nil is allowed
		t.Fatal(err)
	}
	same(t, "context after nil", req.Context().Value(mark{}), any("mine"))

	headers := http.Header{"X-Own": {"1"}}
	req, err := r.NewHttpRequest(ctx, a, "", "https://api.test/x", nil, headers)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "method", req.Method, http.MethodGet)
	same(t, "own header", req.Header.Get("X-Own"), "1")
	same(t, "key", req.Header.Get("Authorization"), "Bearer key")
	same(t, "the caller's headers", headers.Get("Authorization"), "")
	req, err = r.NewHttpRequest(nil, a, http.MethodPost, "https://api.test/x", []byte("body"), nil) //nolint:staticcheck // nil is allowed
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(req.Body)
	same(t, "body", string(body), "body")

	own := http.DefaultTransport
	r.SetRoundTripperProvider(transportOf(func(*auth.Auth) http.RoundTripper { return own }))
	for _, ctx := range []context.Context{t.Context(), nil} {
		resp, err := r.HttpRequest(ctx, a, req)
		if err != nil || resp.StatusCode != http.StatusTeapot {
			t.Fatal(resp, err)
		}
	}
	same(t, "transport", k.transport, own)
	same(t, "sent", len(k.sent), 2)
	same(t, "the live record", keyIn(r), "key")
}

type transportOf func(*auth.Auth) http.RoundTripper

func (f transportOf) RoundTripperFor(a *auth.Auth) http.RoundTripper { return f(a) }

// TestInjectCredentials does what it can and is otherwise silent.
func TestInjectCredentials(t *testing.T) {
	r, k, _ := keyedRig(t)
	for _, id := range []string{"", "unknown", "b", "c"} {
		req := get(t)
		if err := r.InjectCredentials(req, id); err != nil || len(req.Header) != 0 {
			t.Errorf("%q: %v, %v", id, err, req.Header)
		}
	}
	if err := r.InjectCredentials(nil, "a"); err != nil {
		t.Error(err)
	}
	same(t, "calls", len(k.prepared), 0)
	req := get(t)
	if err := r.InjectCredentials(req, "a"); err != nil {
		t.Fatal(err)
	}
	same(t, "header", req.Header.Get("Authorization"), "Bearer key")
	same(t, "calls", len(k.prepared), 1)
	same(t, "the live record", keyIn(r), "key")
	k.err = errors.New("no")
	if err := r.InjectCredentials(req, "a"); !errors.Is(err, k.err) {
		t.Error(err)
	}
}

// TestCloseExecutionSession asks every executor that has sessions, outside every
// lock, and one that panics keeps nobody else from it.
func TestCloseExecutionSession(t *testing.T) {
	r := newRig(t)
	first, second := &provider{name: "p"}, &provider{name: "q"}
	r.RegisterExecutor(first)
	r.RegisterExecutor(second)
	r.RegisterExecutor(panicky{&provider{name: "x"}})
	r.RegisterExecutor(auth.ProviderExecutor(sessionless{&provider{name: "y"}}))
	r.CloseExecutionSession("  ")
	r.CloseExecutionSession(" s1 ")
	r.CloseExecutionSession(host.CloseAllExecutionSessionsID)
	sameList(t, "closed by p", first.closed, "s1", host.CloseAllExecutionSessionsID)
	sameList(t, "closed by q", second.closed, "s1", host.CloseAllExecutionSessionsID)
}

type panicky struct{ *provider }

func (panicky) CloseExecutionSession(string) { panic("no") }

// sessionless hides what a provider can do beyond the duty.
type sessionless struct{ auth.ProviderExecutor }
