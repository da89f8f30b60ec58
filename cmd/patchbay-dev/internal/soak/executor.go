package soak

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// startKey carries when a request began, by the count of operations.
type startKey struct{}

// upstream is an executor that checks who it is called with.
type upstream struct{ s *soak }

func (u upstream) Identifier() string { return provider }

func (u upstream) Execute(ctx context.Context, a *auth.Auth, req executor.Request, _ executor.Options) (executor.Response, error) {
	t := u.s.byID[a.ID]
	n := t.flying.Add(1)
	defer t.flying.Add(-1)
	if t.limit > 0 && n > int64(t.limit) && !u.s.forgot(t) {
		u.s.violations.add("credential %s serves %d requests at a time, and may serve %d", t.id, n, t.limit)
	}
	began, _ := ctx.Value(startKey{}).(int64)
	if since := t.since.Load(); since > 0 && since < began {
		u.s.violations.add("credential %s was asked by request %d, and is out of reach since %d", t.id, began, since)
	}
	if t.changed.Load() < began && !slices.Contains(a.DeclaredModels(), req.Model) {
		u.s.violations.add("credential %s was asked for %s, and serves %v", t.id, req.Model, a.DeclaredModels())
	}
	if ctx.Value(calmKey{}) != nil {
		return executor.Response{Payload: []byte(a.ID)}, nil
	}
	return executor.Response{Payload: []byte(a.ID)}, u.s.outcome()
}

func (u upstream) ExecuteStream(ctx context.Context, a *auth.Auth, req executor.Request, opts executor.Options) (*executor.StreamResult, error) {
	if _, err := u.Execute(ctx, a, req, opts); err != nil {
		return nil, err
	}
	chunks := make(chan executor.StreamChunk, 2)
	chunks <- executor.StreamChunk{Payload: []byte(a.ID)}
	chunks <- executor.StreamChunk{Payload: []byte("end")}
	close(chunks)
	return &executor.StreamResult{Chunks: chunks}, nil
}

func (u upstream) CountTokens(ctx context.Context, a *auth.Auth, req executor.Request, opts executor.Options) (executor.Response, error) {
	return u.Execute(ctx, a, req, opts)
}

func (u upstream) Refresh(_ context.Context, a *auth.Auth) (*auth.Auth, error) {
	if u.s.roll(4) == 0 {
		return nil, &executor.UpstreamError{Status: http.StatusServiceUnavailable, Message: "no refresh now"}
	}
	a = a.Clone()
	a.Metadata = map[string]any{"access_token": "new"}
	return a, nil
}

func (u upstream) HttpRequest(context.Context, *auth.Auth, *http.Request) (*http.Response, error) {
	return nil, errors.New("a soak makes no such request")
}
