package auth

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/patchbay-dev/patchbay/host/executor"
)

// ProviderExecutor executes requests at one provider. Implementations must be
// safe for concurrent use and must not change the Auth they are given.
type ProviderExecutor interface {
	// Identifier returns the provider key.
	Identifier() string
	// Execute returns a whole answer.
	Execute(ctx context.Context, auth *Auth, req executor.Request, opts executor.Options) (executor.Response, error)
	// ExecuteStream returns a stream. The executor closes the channel, also
	// when ctx ends.
	ExecuteStream(ctx context.Context, auth *Auth, req executor.Request, opts executor.Options) (*executor.StreamResult, error)
	// Refresh returns the credential with new tokens, or nil for "as it was".
	Refresh(ctx context.Context, auth *Auth) (*Auth, error)
	// CountTokens returns the provider's token count for the request.
	CountTokens(ctx context.Context, auth *Auth, req executor.Request, opts executor.Options) (executor.Response, error)
	// HttpRequest puts credentials on req and sends it. Callers close the body
	// of a non-nil response.
	HttpRequest(ctx context.Context, auth *Auth, req *http.Request) (*http.Response, error)
}

// StreamOpener is a ProviderExecutor whose streams are pulled, without a
// goroutine and a channel. The manager prefers it to ExecuteStream.
type StreamOpener interface {
	OpenStream(ctx context.Context, auth *Auth, req executor.Request, opts executor.Options) (executor.Stream, error)
}

// ExecutionSessionCloser is an executor that holds resources by session.
type ExecutionSessionCloser interface {
	CloseExecutionSession(sessionID string)
}

// RequestPreparer is an executor that can put credentials on an outgoing
// request.
type RequestPreparer interface {
	PrepareRequest(req *http.Request, auth *Auth) error
}

// RefreshEvaluator is a Runtime that decides itself whether a refresh is due.
type RefreshEvaluator interface {
	ShouldRefresh(now time.Time, auth *Auth) bool
}

// RoundTripperProvider gives a transport for a credential; nil means the
// default. The checks of host/egress stay above it.
type RoundTripperProvider interface {
	RoundTripperFor(auth *Auth) http.RoundTripper
}

// Selector chooses one of auths, which are of the right provider, enabled,
// untried and supporting the model. It may be called concurrently.
type Selector interface {
	Pick(ctx context.Context, provider, model string, opts executor.Options, auths []*Auth) (*Auth, error)
}

// Store persists credentials.
type Store interface {
	// List returns all records.
	List(ctx context.Context) ([]*Auth, error)
	// Save replaces the record with the same ID, durably, and returns where it
	// is kept. It does not keep auth.
	Save(ctx context.Context, auth *Auth) (string, error)
	// Delete removes the record; an unknown id is not an error.
	Delete(ctx context.Context, id string) error
}

// HealthStore is a Store that also keeps what was learned of credentials whose
// records somebody else keeps (Auth.RuntimeOnly), such as those of a configuration
// file. What is kept belongs to the secrets and the destination that it was learned
// of: under other ones it is as if there were nothing.
type HealthStore interface {
	// SaveHealth replaces what is kept of a's ModelStates, durably. When nothing is
	// held against it, nothing is kept.
	SaveHealth(ctx context.Context, auth *Auth) error
	// Health returns the states that were kept of auth, nil when there are none.
	Health(ctx context.Context, auth *Auth) (map[string]*ModelState, error)
}

// Hook observes the life of credentials. Calls come outside every lock, may be
// concurrent, and get clones; a panic in a hook is recovered.
type Hook interface {
	OnAuthRegistered(ctx context.Context, auth *Auth)
	OnAuthUpdated(ctx context.Context, auth *Auth)
	OnResult(ctx context.Context, result Result)
}

// CooldownObserver is a Hook that is also told when an outcome takes a
// credential, or a model of it, out of service that could be picked until then.
type CooldownObserver interface {
	OnCooldown(ctx context.Context, result Result, block Block)
}

// RefreshObserver is a Hook that is also told how refreshes ended: err is nil
// when there are new tokens, else what the caller of the refresh was told. What
// ends before the provider is asked is no refresh.
type RefreshObserver interface {
	OnRefresh(ctx context.Context, provider string, err error)
}

// NoopHook provides optional hook defaults, for embedding.
type NoopHook struct{}

// OnAuthRegistered implements Hook.
func (NoopHook) OnAuthRegistered(context.Context, *Auth) {}

// OnAuthUpdated implements Hook.
func (NoopHook) OnAuthUpdated(context.Context, *Auth) {}

// OnResult implements Hook.
func (NoopHook) OnResult(context.Context, Result) {}

// PostAuthHook is called with a new credential before it is stored; it may
// change it. An error rejects the credential.
type PostAuthHook func(ctx context.Context, auth *Auth) error

// RequestInfo is what a PostAuthHook may know of the HTTP request behind a
// login.
type RequestInfo struct {
	Query   url.Values
	Headers http.Header
}
