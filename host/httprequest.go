package host

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// InjectCredentials puts the credentials of a record on a request, when its
// executor can do that. Nothing happens, and there is no error, without a
// request, for an id that is empty or unknown, and when the provider has no
// executor or one that is no RequestPreparer. spec: core.md 8.
func (m *Manager) InjectCredentials(req *http.Request, authID string) error {
	a := m.record(authID)
	if req == nil || a == nil {
		return nil
	}
	preparer, ok := m.world.Load().executors[providerKey(a.Provider)].(auth.RequestPreparer)
	if !ok {
		return nil
	}
	return m.prepare(preparer, a, req)
}

// PrepareHttpRequest puts a credential on a request, which then carries ctx,
// unless that is nil. Errors: auth_not_found for a nil credential,
// invalid_request for a nil request, provider_not_found when nobody serves the
// provider, not_supported when who does cannot prepare requests; and those of
// the executor, as they are. spec: core.md 8.
func (m *Manager) PrepareHttpRequest(ctx context.Context, a *auth.Auth, req *http.Request) error {
	exec, err := m.executorFor(a, req)
	if err != nil {
		return err
	}
	preparer, ok := exec.(auth.RequestPreparer)
	if !ok {
		return fault(auth.CodeNotSupported, "the executor of provider %s cannot prepare requests", a.Provider)
	}
	if ctx != nil {
		*req = *req.WithContext(ctx)
	}
	return m.prepare(preparer, a, req)
}

// NewHttpRequest makes a request with a credential on it: GET when no method is
// given, with a copy of headers. A nil body is none. Errors are those of
// PrepareHttpRequest, and invalid_request when method or URL cannot be read.
// The URL is not repeated in errors, since its query may hold a key.
func (m *Manager) NewHttpRequest(ctx context.Context, a *auth.Auth, method, targetURL string, body []byte, headers http.Header) (*http.Request, error) {
	if a == nil {
		return nil, noCredential()
	}
	if ctx == nil {
		ctx = context.Background()
	}
	if method == "" {
		method = http.MethodGet
	}
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, targetURL, content)
	if err != nil {
		return nil, fault(auth.CodeInvalidRequest, "the method or the URL of the request is not valid")
	}
	if headers != nil {
		req.Header = headers.Clone()
	}
	if err := m.PrepareHttpRequest(ctx, a, req); err != nil {
		return nil, err
	}
	return req, nil
}

// HttpRequest has the executor of a credential send a request with it, over the
// credential's own transport if there is one. The caller closes the body of a
// non-nil response. Errors are those of PrepareHttpRequest without
// not_supported, and the executor's own. A nil ctx means the request's.
func (m *Manager) HttpRequest(ctx context.Context, a *auth.Auth, req *http.Request) (*http.Response, error) {
	exec, err := m.executorFor(a, req)
	if err != nil {
		return nil, err
	}
	if ctx == nil {
		ctx = req.Context()
	}
	var resp *http.Response
	err = m.guarded("HTTP request by executor "+a.Provider, func() (err error) {
		mine := a.Clone()
		resp, err = exec.HttpRequest(m.withTransport(ctx, m.world.Load(), mine), mine, req) //nolint:bodyclose // the caller closes it
		return err
	})
	return resp, err
}

// prepare gives the executor a copy, never the live record.
func (m *Manager) prepare(preparer auth.RequestPreparer, a *auth.Auth, req *http.Request) error {
	return m.guarded("preparation of a request by executor "+a.Provider, func() error {
		return preparer.PrepareRequest(req, a.Clone())
	})
}

// executorFor returns who serves the credential's provider.
func (m *Manager) executorFor(a *auth.Auth, req *http.Request) (auth.ProviderExecutor, error) {
	switch {
	case a == nil:
		return nil, noCredential()
	case req == nil:
		return nil, fault(auth.CodeInvalidRequest, "there is no request")
	case providerKey(a.Provider) == "":
		return nil, fault(auth.CodeProviderNotFound, "the credential %q names no provider", a.ID)
	}
	exec := m.world.Load().executors[providerKey(a.Provider)]
	if exec == nil {
		return nil, fault(auth.CodeProviderNotFound, "nobody serves provider %s; is its plugin loaded?", a.Provider)
	}
	return exec, nil
}

func noCredential() error {
	return fault(auth.CodeAuthNotFound, "there is no credential to put on the request")
}
