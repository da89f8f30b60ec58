package driver

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/wire"
)

// DefaultIdleTimeout is how long an upstream may be silent when neither the
// options nor the send say otherwise.
const DefaultIdleTimeout = 5 * time.Minute

// Door is the way out, in practice *egress.Door. It follows no redirect,
// decompresses nothing, and gives a body that streams; its errors are
// *egress.Error or the context's.
type Door interface {
	Do(ctx context.Context, a *auth.Auth, dest egress.Destination, req *http.Request) (*http.Response, error)
}

// Options configure an Executor.
type Options struct {
	// Door is required.
	Door Door
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// HostVersion is named in the User-Agent of requests without their own.
	HostVersion string
	// IdleTimeout is how long an upstream may send nothing, before its answer
	// or within it; 0 means DefaultIdleTimeout. A send's idle_ms can shorten it.
	IdleTimeout time.Duration
	// ConfigSecret returns a secret of the plugin's configuration, empty when it
	// has no value; nil means that there is none. It must be safe for concurrent
	// use.
	ConfigSecret func(name string) string
	// Logger is told of faults of the plugin, once each; nil means silence.
	Logger *slog.Logger
	// Intercept returns the interceptors of a provider's requests, in order, at
	// the time of each request; nil means that there are none. An error, such as
	// of one that does not run, stops the request.
	Intercept func(provider string) ([]*Interceptor, error)
	// OnNotice, when set, is called with what a guest says beside its answer,
	// on the goroutine of the request; it must not block.
	OnNotice func(Notice)
}

// Notice is a usage or a hint that a guest reported during an attempt.
type Notice struct {
	AuthID, Provider, Model string
	// Usage or Hint is set, never both.
	Usage *wire.Usage
	Hint  *Hint
}

// Hint is a limit that was seen in a success.
type Hint struct {
	// Window says what is limited: requests, tokens, or the provider's word.
	Window string
	// Remaining is nil when unknown.
	Remaining *int64
	// ResetAt is zero when unknown.
	ResetAt time.Time
}

// UsageKey is the key of executor.Response.Metadata that holds a wire.Usage
// when the answer or the guest named one.
const UsageKey = "usage"

// Executor serves one provider of one plugin. It is safe for concurrent use
// and holds nothing but what is in use; when it is replaced, Drain tells when
// its guest may be closed.
type Executor struct {
	guest    abi.Guest
	manifest *abi.Manifest
	provider abi.Provider
	opts     Options

	network  bool
	fields   []string // the names of the credential's fields, sorted
	patterns map[string]*regexp.Regexp
	signers  map[string]any // by name, see compileSigners
	readable []string       // the secret fields whose values the guest gets
	mints    bool           // it may make derived tokens
	minted   mintings
	bases    bases
	active   inflight
	cancels  chan struct{} // holds one token for each op cancel that runs
}

var (
	_ auth.ProviderExecutor = (*Executor)(nil)
	_ auth.StreamOpener     = (*Executor)(nil)
)

// New returns the executor of a provider that the manifest provides. It keeps
// m and does not change it.
func New(guest abi.Guest, m *abi.Manifest, provider abi.Provider, opts Options) (*Executor, error) {
	if guest == nil || m == nil || opts.Door == nil {
		return nil, fmt.Errorf("driver: a guest, a manifest and a door are required")
	}
	if provider.Key == "" || len(provider.Formats) == 0 {
		return nil, fmt.Errorf("driver: plugin %s: a provider needs a key and a format", m.ID)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.IdleTimeout <= 0 {
		opts.IdleTimeout = DefaultIdleTimeout
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	patterns, err := compilePatterns(m)
	if err != nil {
		return nil, fmt.Errorf("driver: plugin %s: %w", m.ID, err)
	}
	signers, err := compileSigners(m)
	if err != nil {
		return nil, fmt.Errorf("driver: plugin %s: %w", m.ID, err)
	}
	return &Executor{
		guest: guest, manifest: m, provider: provider, opts: opts, patterns: patterns, signers: signers, readable: m.Readable(),
		mints:   slices.Contains(provider.Deliver, "exchange"),
		fields:  fieldsOf(m),
		cancels: make(chan struct{}, maxCancels),
		network: slices.ContainsFunc(m.Capabilities, func(c abi.Capability) bool { return c.Name == abi.CapabilityNetwork }),
	}, nil
}

// Identifier returns the provider key.
func (e *Executor) Identifier() string { return e.provider.Key }

// Manifest returns the plugin's manifest, which must not be changed.
func (e *Executor) Manifest() *abi.Manifest { return e.manifest }

// Provider returns the provider's part of the manifest.
func (e *Executor) Provider() abi.Provider { return e.provider }

// Retire lets no more attempts begin: they fail with executor.ErrRetired, with
// which the manager goes to the executor that came in its place. So a request
// that had taken hold of this one just before is not lost.
func (e *Executor) Retire() { e.active.close() }

// Drain waits until no attempt uses the executor, or ctx ends. It does not
// stop new ones: Retire does.
func (e *Executor) Drain(ctx context.Context) error { return e.active.wait(ctx) }

// Execute returns a whole answer.
func (e *Executor) Execute(ctx context.Context, a *auth.Auth, req executor.Request, opts executor.Options) (executor.Response, error) {
	return e.whole(ctx, a, abi.KindExecute, req, opts)
}

// CountTokens returns what the guest, or its provider, counts. A provider whose
// manifest does not name the mode count is not_supported.
func (e *Executor) CountTokens(ctx context.Context, a *auth.Auth, req executor.Request, opts executor.Options) (executor.Response, error) {
	return e.whole(ctx, a, abi.KindCount, req, opts)
}

func (e *Executor) whole(ctx context.Context, a *auth.Auth, kind abi.Kind, req executor.Request, opts executor.Options) (executor.Response, error) {
	at, err := e.begin(ctx, a, kind, req, opts)
	if err != nil {
		return executor.Response{}, err
	}
	defer at.leave()
	if err := at.execute(); err != nil {
		return executor.Response{}, err
	}
	for at.stage == stageTodo {
		if err := at.perform(); err != nil {
			return executor.Response{}, err
		}
	}
	return at.wholeAnswer()
}

// OpenStream returns a stream once its first bytes are there: until then a
// failure can still be answered by another credential.
func (e *Executor) OpenStream(ctx context.Context, a *auth.Auth, req executor.Request, opts executor.Options) (executor.Stream, error) {
	at, err := e.begin(ctx, a, abi.KindStream, req, opts)
	if err != nil {
		return nil, err
	}
	if err := at.execute(); err != nil {
		at.leave()
		return nil, err
	}
	s := newStream(at)
	if err := s.begin(); err != nil {
		return nil, err
	}
	return s, nil
}

// ExecuteStream is OpenStream behind a channel, for callers that want one. Its
// goroutine ends, and closes the channel, when the stream or ctx does.
func (e *Executor) ExecuteStream(ctx context.Context, a *auth.Auth, req executor.Request, opts executor.Options) (*executor.StreamResult, error) {
	s, err := e.OpenStream(ctx, a, req, opts)
	if err != nil {
		return nil, err
	}
	chunks := make(chan executor.StreamChunk)
	go forward(ctx, s, chunks)
	return &executor.StreamResult{Headers: s.Headers(), Chunks: chunks, Framing: s.Framing()}, nil
}

func (e *Executor) notSupported(what string) error {
	return &auth.Error{
		Code:       auth.CodeNotSupported,
		Message:    fmt.Sprintf("provider %s: %s is not in this build of the host", e.provider.Key, what),
		HTTPStatus: auth.StatusOf(auth.CodeNotSupported),
	}
}
