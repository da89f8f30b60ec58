package gateway

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// Manager is what the gateway needs of host.Manager.
type Manager interface {
	// ProvidersForModel returns the providers with a credential that lists the
	// model, empty when there is none.
	ProvidersForModel(model string) []string
	// ListModels returns every model that some credential lists, sorted by id.
	ListModels() []host.ModelInfo
	Execute(ctx context.Context, providers []string, req executor.Request, opts executor.Options) (executor.Response, error)
	OpenStream(ctx context.Context, providers []string, req executor.Request, opts executor.Options) (executor.Stream, error)
}

// Options say what a gateway is made of.
type Options struct {
	// Manager and Keys are required.
	Manager Manager
	Keys    *KeyRing
	// Settings bound requests. Zero means: the body limit that ships, no
	// timeout, no grace.
	Settings settings.Limits
	// Logger gets one line a request; nil discards.
	Logger *slog.Logger
	// Now is the clock of the log and of what is shown; nil means time.Now.
	// Deadlines of connections always run on the system's.
	Now func() time.Time
	// Version is sent as the Server header's version; empty sends none.
	Version string
	// Observer counts; nil means nobody does.
	Observer Observer
	// Ready says whether requests can be served, for GET /readyz; nil means
	// always. During a shutdown the answer is no whatever it says.
	Ready func() bool
}

// Gateway serves the client API. It is safe for concurrent use.
type Gateway struct {
	manager Manager
	keys    *KeyRing
	guesses guesses
	limits  atomic.Pointer[settings.Limits]
	log     *slog.Logger
	now     func() time.Time
	server  string
	ready   func() bool
	// observer is never nil.
	observer Observer
	router   *echo.Echo
	timing   timing

	// draining is set when a shutdown begins.
	draining atomic.Bool
	// hard ends when the grace of a shutdown is over; stop ends it.
	hard context.Context
	stop context.CancelFunc
}

// timing holds how long a client may keep a connection waiting.
type timing struct {
	// bodyIdle is how long a body may take at least; bodyRate adds a second
	// for so many bytes received.
	bodyIdle time.Duration
	bodyRate int64
	// write is how long one write to a client may take.
	write time.Duration
}

// defaultTiming cuts a body slower than 16 KiB/s after the first 30 s, and a
// client that reads nothing for 30 s.
var defaultTiming = timing{bodyIdle: 30 * time.Second, bodyRate: 16 << 10, write: 30 * time.Second}

// New returns a gateway.
func New(o Options) *Gateway {
	g := &Gateway{
		manager: o.Manager, keys: o.Keys, log: o.Logger, now: o.Now, ready: o.Ready, observer: o.Observer,
		timing: defaultTiming,
	}
	if g.observer == nil {
		g.observer = unobserved{}
	}
	if g.keys == nil {
		g.keys = NewKeyRing()
	}
	g.SetLimits(o.Settings)
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	if g.now == nil {
		g.now = time.Now
	}
	if o.Version != "" {
		g.server = "patchbay/" + o.Version
	}
	g.hard, g.stop = context.WithCancel(context.Background())
	g.router = g.routes()
	return g
}

// SetLimits changes what bounds the requests that follow; those that run keep
// what they began with. A body limit of zero means the one that ships.
func (g *Gateway) SetLimits(l settings.Limits) {
	if l.BodyBytes <= 0 {
		l.BodyBytes = settings.Default().Limits.BodyBytes
	}
	g.limits.Store(&l)
}

// Handler returns the client API.
func (g *Gateway) Handler() http.Handler { return http.HandlerFunc(g.serve) }

// routes lays out the API. Who may use a route is decided on the route that
// matched and on nothing else of the request.
func (g *Gateway) routes() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = routeError
	e.GET("/healthz", g.healthz)
	e.GET("/readyz", g.readyz)
	e.POST("/v1/chat/completions", g.authenticated(g.chat))
	e.GET("/v1/models", g.authenticated(g.listModels))
	e.GET(modelRoute+"*", g.authenticated(g.getModel))
	return e
}

// serve is the way of every request: what is refused for its form is refused
// here, before it is routed.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request) {
	x := g.begin(w, r)
	defer x.end()
	if p := checkForm(r); p != nil {
		x.fail(p)
		return
	}
	g.router.ServeHTTP(x, r)
}

// healthz says that the process is alive.
func (g *Gateway) healthz(c echo.Context) error {
	x := exchangeOf(c)
	x.route = c.Path()
	x.writeWhole(http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
	return nil
}

// readyz says whether requests can be served, without the reasons: those are
// for the operator.
func (g *Gateway) readyz(c echo.Context) error {
	x := exchangeOf(c)
	x.route = c.Path()
	if g.draining.Load() || g.ready != nil && !g.ready() {
		x.writeWhole(http.StatusServiceUnavailable, "text/plain; charset=utf-8", []byte("not ready\n"))
		return nil
	}
	x.writeWhole(http.StatusOK, "text/plain; charset=utf-8", []byte("ready\n"))
	return nil
}

// newRequestID returns req_ and 26 random characters.
func newRequestID() string { return "req_" + rand.Text() }
