package login

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// Judge has the hooks look at a new credential, in their order; each may change
// it. It returns what the last one left, which is a copy. The first hook that
// fails, or panics, rejects: nothing may be stored then. The error is an *Error
// with CodeRejected. spec: faults.md A-02.
func Judge(ctx context.Context, hooks []auth.PostAuthHook, a *auth.Auth) (*auth.Auth, error) {
	c := a.Clone()
	for _, hook := range hooks {
		if hook == nil {
			return nil, &Error{Code: CodeRejected, Message: "the credential was rejected: a check of new credentials is missing"}
		}
		if err := judge(ctx, hook, c); err != nil {
			return nil, &Error{Code: CodeRejected, Message: "the credential was rejected: " + err.Error(), Err: err}
		}
		// Who it is for and how it is reached is not a hook's to change.
		c.ID, c.Provider, c.ProxyURL, c.Disabled = a.ID, a.Provider, a.ProxyURL, a.Disabled
	}
	return c, nil
}

func judge(ctx context.Context, hook auth.PostAuthHook, c *auth.Auth) (err error) {
	defer func() {
		if p := recover(); p != nil {
			// What it panicked with may be a value of the credential.
			err = fmt.Errorf("a check of new credentials crashed (%T)", p)
		}
	}()
	return hook(ctx, c)
}

// hiddenHeaders carry a key of the browser's.
var hiddenHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie"}

// Info returns what hooks may know of the request that ended a login: no header
// and no pair that could hold a secret. contract section 5.
func Info(header http.Header, query url.Values) *auth.RequestInfo {
	info := &auth.RequestInfo{Headers: http.Header{}, Query: url.Values{}}
	for name, values := range header {
		if name = http.CanonicalHeaderKey(name); !slices.Contains(hiddenHeaders, name) && !sealed(name) {
			info.Headers[name] = append(info.Headers[name], values...)
		}
	}
	for name, values := range query {
		if !hidden(name) {
			info.Query[name] = slices.Clone(values)
		}
	}
	return info
}
