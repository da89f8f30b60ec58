// Package app puts the rooms together: the store, the manager, the plugins and
// the door out. It implements what the command line can ask for
// (admin.Operations), in a server and, when none runs, on the store alone.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/boltstore"
	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/gateway"
	"github.com/patchbay-dev/patchbay/host/login"
	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/host/telemetry"
	"github.com/patchbay-dev/patchbay/plugins"
)

// Buckets of the store that hold records of ours.
const (
	bucketKeys    = "client_keys"
	bucketPlugins = "plugins"
)

// Options say what to open.
type Options struct {
	Config  settings.Config
	Version string
	// Logger gets what happens; nil discards it.
	Logger *slog.Logger
	// Secret is told of every live secret, so that a log can be scrubbed of
	// it; may be nil.
	Secret func(value string)
	// Load reads the configuration anew, for a reload; nil means that this
	// process cannot.
	Load func() (settings.Config, error)
	// Apply is told of every configuration that a reload put into force, in
	// order, so that what the app does not own follows; may be nil.
	Apply func(*settings.Config)
	// Metrics count what happens; nil means nobody does.
	Metrics *telemetry.Metrics
	// Tail is what the log is written to besides; nil when nobody can look.
	Tail *telemetry.Tail
	// Redact takes live secrets out of a text; nil leaves it as it is.
	Redact func(text string) string
	// LockTimeout is how long to wait for the store when another process holds
	// it; zero means the store's default.
	LockTimeout time.Duration
}

// App is one process's hold on a data directory. Open gives one that can read
// and change what is stored; Start makes it serve.
type App struct {
	// cfg is the configuration that is in force; a reload swaps it.
	cfg     atomic.Pointer[settings.Config]
	version string
	log     *slog.Logger
	secret  func(string)
	started time.Time

	store   *boltstore.Store
	manager *host.Manager
	keys    *gateway.KeyRing
	plugins *plugins.Host
	door    *egress.Door
	logins  *login.Logins

	desk
	versions versions
	plugged  atomic.Pointer[plugged] // nil before the first plugin serves

	// installing serialises installs and removals of plugins, which compile.
	installing sync.Mutex

	// load reads the configuration anew, apply gives it to what the app does
	// not own; see Options. reloads puts reloads in a row.
	load    func() (settings.Config, error)
	apply   func(*settings.Config)
	reloads reloads

	// mu guards all below, and the adding to wait.
	mu       sync.Mutex
	running  map[string]*running // by plugin id
	problems map[string]string   // what keeps something from being ready, by subject
	retrying map[string]bool     // whose models are being listed again, by credential
	serving  bool
	draining bool
	closed   bool

	// closing runs the end once; closeErr is what it said.
	closing  sync.Once
	closeErr error

	// background owns what goes on behind a request or a command: listing
	// models, draining old versions. stop ends it, wait waits for it.
	background context.Context
	stop       context.CancelFunc
	wait       sync.WaitGroup
}

// Open opens the data directory. It makes the directory, 0700, when there is
// none. Errors of the store keep their type, for the exit code.
func Open(ctx context.Context, o Options) (_ *App, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Secret == nil {
		o.Secret = func(string) {}
	}
	if o.Apply == nil {
		o.Apply = func(*settings.Config) {}
	}
	dir := o.Config.DataDir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	storeOptions := StoreOptions(dir)
	storeOptions.Timeout = o.LockTimeout
	storeOptions.Note = func(text string) { o.Logger.Warn("store", "note", text) }
	store, err := boltstore.Open(ctx, storeOptions)
	if err != nil {
		return nil, err
	}
	a := &App{
		version: o.Version, log: o.Logger, secret: o.Secret, started: time.Now(),
		load: o.Load, apply: o.Apply, desk: newDesk(o),
		store: store, running: map[string]*running{}, problems: map[string]string{}, retrying: map[string]bool{},
	}
	a.cfg.Store(&o.Config)
	a.background, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close(ctx))
		}
	}()
	a.door = egress.New(egress.Options{})
	a.logins = a.newLogins()
	a.plugins, err = plugins.NewHost(ctx, plugins.Options{
		Dir:          filepath.Join(dir, "plugins"),
		CacheDir:     filepath.Join(dir, "cache"),
		HostVersion:  o.Version,
		Features:     plugins.Features(),
		Instances:    o.Config.Plugins.Instances,
		MemoryBytes:  o.Config.Plugins.MemoryBytes,
		CallTimeout:  o.Config.Plugins.CallTimeout,
		QueueTimeout: o.Config.Plugins.QueueTimeout,
		QueueLength:  o.Config.Plugins.QueueLength,
		Quarantine:   plugins.Quarantine(o.Config.Plugins.Quarantine),
		Log:          a.pluginLog,
		Changed:      a.pluginChanged,
	})
	if err != nil {
		return nil, err
	}
	hook := hooks{a.failures, watchers{a}}
	if o.Metrics != nil {
		hook = append(hook, o.Metrics)
		a.measure(o.Metrics)
	}
	a.manager = host.New(host.Options{
		Store:    store,
		Selector: selectorOf(o.Config.Routing),
		Logger:   o.Logger,
		Cooldown: o.Config.Cooldown,
		Refresh:  o.Config.Refresh,
		Hook:     hook,
	})
	setRetry(a.manager, o.Config.Retry)
	a.manager.SetOAuthModelAlias(o.Config.OAuthModelAlias)
	a.manager.SetConfig(&o.Config)
	if err := a.tolerate(a.manager.Load(ctx)); err != nil {
		return nil, err
	}
	for _, c := range a.manager.List() {
		a.noteSecrets(c)
	}
	a.keys = gateway.NewKeyRing()
	if err := a.loadKeys(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

// StoreOptions say where the store of a data directory is, and its key.
func StoreOptions(dir string) boltstore.Options {
	o := boltstore.Options{Path: filepath.Join(dir, "patchbay.db")}
	o.KeyFile, o.Key = boltstore.KeyFrom(os.Getenv)
	return o
}

// Config returns the configuration that is in force. It must not be changed.
func (a *App) Config() *settings.Config { return a.config() }

func (a *App) config() *settings.Config { return a.cfg.Load() }

// Manager returns the manager, for the gateway.
func (a *App) Manager() *host.Manager { return a.manager }

// Keys returns the client keys, for the gateway.
func (a *App) Keys() *gateway.KeyRing { return a.keys }

// ErrClosed is returned for what an app that Close has ended is asked to do.
var ErrClosed = errors.New("the server is stopping: try again when it runs")

// Close ends what is running, in the order in which it was built upon, and
// closes the store last. When ctx ends first, what still runs is cut short. It
// may be called more than once; every caller returns when all is closed.
func (a *App) Close(ctx context.Context) error {
	a.closing.Do(func() { a.closeErr = a.close(ctx) })
	return a.closeErr
}

func (a *App) close(ctx context.Context) error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.stop()
	if a.logins != nil {
		a.logins.Close()
	}
	a.wait.Wait()
	var errs []error
	if a.manager != nil {
		errs = append(errs, a.manager.Close(ctx))
	}
	a.mu.Lock()
	last := a.running
	a.running = nil
	a.mu.Unlock()
	for _, r := range last {
		errs = append(errs, a.closeVersion(ctx, r))
	}
	if a.plugins != nil {
		errs = append(errs, a.plugins.Close(ctx))
	}
	if a.door != nil {
		a.door.Close()
	}
	return errors.Join(append(errs, a.store.Close())...)
}

// goBackground runs f until it returns or the app closes. It reports false, and
// runs nothing, when the app is closed already.
func (a *App) goBackground(f func(ctx context.Context)) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.wait.Go(func() { f(a.background) })
	return true
}

// problem notes, or with an empty text clears, what keeps subject from being
// ready.
func (a *App) problem(subject, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if text == "" {
		delete(a.problems, subject)
		return
	}
	a.problems[subject] = text
}

func (a *App) problemOf(subject string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.problems[subject]
}

var logLevels = map[abi.LogLevel]slog.Level{
	abi.LogLevelDebug: slog.LevelDebug, abi.LogLevelInfo: slog.LevelInfo,
	abi.LogLevelWarn: slog.LevelWarn, abi.LogLevelError: slog.LevelError,
}

func (a *App) pluginLog(plugin string, level abi.LogLevel, line string) {
	a.log.Log(context.Background(), logLevels[level], "plugin", "plugin", plugin, "line", line)
}
