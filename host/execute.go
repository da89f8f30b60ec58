package host

import (
	"context"

	"github.com/patchbay-dev/patchbay/host/executor"
)

// Execute answers a request with one of the providers' credentials: it picks
// one, fails over to the next when it may, and begins further rounds as
// SetRetryConfig allows. The error is the last one that a provider gave, as it
// was (ClientError says what a client is told of it), or an error of the core
// when no credential could be picked. spec: core.md 2.
func (m *Manager) Execute(ctx context.Context, providers []string, req executor.Request, opts executor.Options) (executor.Response, error) {
	r, err := m.newRequest(ctx, providers, req, opts)
	if err != nil {
		return executor.Response{}, err
	}
	var resp executor.Response
	at, err := m.run(ctx, r, func(ctx context.Context, at *attempt) (err error) {
		resp, err = at.exec.Execute(ctx, at.auth, at.req, at.opts)
		return err
	})
	if err != nil {
		return executor.Response{}, err
	}
	m.markSuccess(ctx, at)
	return resp, nil
}

// ExecuteCount is Execute for the number of tokens that the request has, which
// the executor's CountTokens tells. A 404 that does not name the model, and an
// executor that cannot count, are held against nobody: many upstreams have no
// such route. spec: core.md 2.10.
func (m *Manager) ExecuteCount(ctx context.Context, providers []string, req executor.Request, opts executor.Options) (executor.Response, error) {
	r, err := m.newRequest(ctx, providers, req, opts)
	if err != nil {
		return executor.Response{}, err
	}
	r.count = true
	var resp executor.Response
	at, err := m.run(ctx, r, func(ctx context.Context, at *attempt) (err error) {
		resp, err = at.exec.CountTokens(ctx, at.auth, at.req, at.opts)
		return err
	})
	if err != nil {
		return executor.Response{}, err
	}
	m.markSuccess(ctx, at)
	return resp, nil
}
