package plugins

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/plugins/direct"
	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// Bounds are what the operator allows a plugin.
type Bounds struct {
	// Instances is the size of a plugin's pool; 0 means twice the processors,
	// at least four. A manifest may ask for fewer.
	Instances int
	// MemoryBytes is the memory limit of an instance; 0 means
	// abi.DefaultMemory.
	MemoryBytes int64
	// CallTimeout is how long one call may run; 0 means abi.DefaultCallTime.
	CallTimeout time.Duration
	// QueueTimeout is how long a call waits for an instance; 0 means 5 s.
	QueueTimeout time.Duration
	// QueueLength is how many calls may wait at a time; 0 means
	// direct.DefaultQueue.
	QueueLength int
	// Quarantine says when a plugin that faults gets no more calls. It holds
	// for what is loaded already, too.
	Quarantine Quarantine
}

// Options are what a Host is made with. Only Dir and CacheDir are required.
type Options struct {
	// Dir is where modules are kept, CacheDir where compiled code is; both are
	// created with mode 0700.
	Dir, CacheDir string
	// HostVersion is told to plugins.
	HostVersion string
	// Features that the host has; nil means Features().
	Features []string
	// Instances and those below are the Bounds that it begins with.
	Instances                 int
	MemoryBytes               int64
	CallTimeout, QueueTimeout time.Duration
	QueueLength               int
	Quarantine                Quarantine
	// Fresh gives every call a fresh instance, for tests of plugins.
	Fresh bool
	// Now is the clock of quarantines; nil means time.Now.
	Now func() time.Time
	// Changed hears of every change of a plugin's standing, with the reason in
	// one line; nil means nobody does. It is called on the goroutine of a call
	// and must not block.
	Changed func(p *Plugin, e Event, reason string)
	// Log takes the plugins' log lines, escaped and rate limited; nil drops
	// them. It is called within calls, from several goroutines.
	Log func(plugin string, level abi.LogLevel, line string)
}

// Host loads plugins. It is safe for concurrent use.
type Host struct {
	opts    Options
	runtime *direct.Runtime
	bounds  atomic.Pointer[Bounds]

	// mu guards loaded and closed, and the adding to loading.
	mu      sync.Mutex
	loaded  map[*Plugin]struct{}
	closed  bool
	loading sync.WaitGroup
}

// errClosed says that the host takes no more plugins.
var errClosed = errors.New("the plugin host is closed")

// NewHost makes a host. It makes the directories and opens the compile cache;
// it reads no plugin.
func NewHost(_ context.Context, opts Options) (*Host, error) {
	if opts.Features == nil {
		opts.Features = Features()
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Changed == nil {
		opts.Changed = func(*Plugin, Event, string) {}
	}
	if opts.Log == nil {
		opts.Log = func(string, abi.LogLevel, string) {}
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the plugin directory: %w", err)
	}
	runtime, err := direct.NewRuntime(opts.CacheDir)
	if err != nil {
		return nil, err
	}
	h := &Host{opts: opts, runtime: runtime, loaded: map[*Plugin]struct{}{}}
	h.SetBounds(Bounds{
		Instances: opts.Instances, MemoryBytes: opts.MemoryBytes, CallTimeout: opts.CallTimeout,
		QueueTimeout: opts.QueueTimeout, QueueLength: opts.QueueLength, Quarantine: opts.Quarantine,
	})
	return h, nil
}

// SetBounds changes what the plugins that are loaded from now on may use. What
// is loaded keeps what it has, apart from the rules of quarantine.
func (h *Host) SetBounds(b Bounds) {
	b.MemoryBytes = cmp.Or(b.MemoryBytes, int64(abi.DefaultMemory))
	b.CallTimeout = cmp.Or(b.CallTimeout, abi.DefaultCallTime)
	b.Quarantine = b.Quarantine.withDefaults()
	h.bounds.Store(&b)
}

// Close waits for loads that have begun, closes all plugins, at the same time,
// and then the host. When ctx ends first, running calls are stopped.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.loading.Wait()
	h.mu.Lock()
	plugins := make([]*Plugin, 0, len(h.loaded))
	for p := range h.loaded {
		plugins = append(plugins, p)
	}
	h.mu.Unlock()
	errs := make([]error, len(plugins))
	var wg sync.WaitGroup
	for i, p := range plugins {
		wg.Go(func() { errs[i] = p.Close(ctx) })
	}
	wg.Wait()
	return errors.Join(append(errs, h.runtime.Close(context.WithoutCancel(ctx)))...)
}

// Compile puts a module into the compile cache without running it, and without
// asking for a manifest.
func (h *Host) Compile(ctx context.Context, wasm []byte) error {
	x, err := examine(wasm)
	if err != nil {
		return err
	}
	if err := h.begin(); err != nil {
		return err
	}
	defer h.loading.Done()
	return h.runtime.Compile(ctx, x.metered.Wasm)
}

// begin keeps the host open until loading.Done is called.
func (h *Host) begin() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errClosed
	}
	h.loading.Add(1)
	return nil
}

// Load checks a module and brings it up to a first instance that answered
// init, which is its self-check. config is the plugin's configuration, one
// JSON object with the values of secret fields; empty means {}. The guest sees
// references in place of those. Load asks nothing of grants and pins.
func (h *Host) Load(ctx context.Context, wasm []byte, config json.RawMessage) (*Plugin, error) {
	x, err := examine(wasm)
	if err != nil {
		return nil, err
	}
	return h.load(ctx, x, config)
}

// Read returns the bytes of a stored module, whose hash was checked. A file that
// is not the pinned one matches ErrHash.
func (h *Host) Read(l Locked) ([]byte, error) {
	wasm, _, err := h.read(l)
	return wasm, err
}

// read reads a stored module once, and returns where it is.
func (h *Host) read(l Locked) (wasm []byte, file string, err error) {
	if file, err = h.fileOf(l.SHA256); err != nil {
		return nil, "", named(err, l.ID, nil)
	}
	if wasm, err = readModule(file); err != nil {
		if errors.Is(err, ErrRefused) {
			return nil, "", named(err, file, nil)
		}
		return nil, "", &RefusedError{File: file, Plugin: l.ID, Version: l.Version, Err: err,
			Reason: fmt.Sprintf("cannot read it: %v; install the plugin again", err)}
	}
	if got := hashOf(wasm); got != l.SHA256 {
		return nil, "", &RefusedError{File: file, Plugin: l.ID, Version: l.Version, Err: ErrHash,
			Reason: fmt.Sprintf("%v (its SHA-256 is %s); install the plugin again", ErrHash, got)}
	}
	return wasm, file, nil
}

// LoadLocked reads a stored module once and loads the very bytes whose hash
// was checked. A file that is not the pinned one matches ErrHash; a plugin
// that asks for more than it was granted matches ErrNeedsGrant.
func (h *Host) LoadLocked(ctx context.Context, l Locked, config json.RawMessage) (*Plugin, error) {
	wasm, file, err := h.read(l)
	if err != nil {
		return nil, err
	}
	x, err := examine(wasm)
	if err != nil {
		return nil, named(err, file, nil)
	}
	if m := x.info.Manifest; m != nil {
		if lacks := l.Granted.Missing(x.info.Asks); len(lacks) > 0 {
			return nil, &NeedsGrantError{File: file, Plugin: m.ID, Version: m.Version, New: lacks}
		}
	}
	p, err := h.load(ctx, x, config)
	return p, named(err, file, x.info.Manifest)
}

// load runs the checks and the trial.
func (h *Host) load(ctx context.Context, x *exam, config json.RawMessage) (*Plugin, error) {
	var first error
	x.checkAll(h.opts.Features, func(err error) {
		if first == nil {
			first = err
		}
	})
	m := x.info.Manifest
	if first != nil {
		return nil, named(first, "", m)
	}
	limits, err := h.limits(x)
	if err != nil {
		return nil, named(err, "", m)
	}
	sealed, err := sealConfig(m, config)
	if err != nil {
		return nil, named(err, "", m)
	}
	if err := h.begin(); err != nil {
		return nil, err
	}
	defer h.loading.Done()
	guest, err := loadModule(ctx, h.runtime, x.info.Tier, direct.Config{
		Plugin:      m.ID,
		Wasm:        x.metered.Wasm,
		Yield:       direct.Yield{Module: meter.YieldModule, Name: meter.YieldName, Slice: meter.Slice},
		Init:        h.initInput(limits, sealed),
		Instances:   limits.instances,
		MemoryBytes: limits.memory,
		CallTime:    limits.call,
		QueueTime:   h.bounds.Load().QueueTimeout,
		Queue:       h.bounds.Load().QueueLength,
		Fresh:       h.opts.Fresh,
		Log:         func(level abi.LogLevel, line string) { h.opts.Log(m.ID, level, line) },
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("load plugin %s %s: %w", m.ID, m.Version, err)
		}
		return nil, named(&RefusedError{Reason: err.Error(), Err: err}, "", m)
	}
	p := &Plugin{host: h, manifest: m, sha: x.info.SHA256, guest: guest, secret: secretsOf(m, config)}
	p.gate = gate{
		now: h.opts.Now, plugin: m.ID,
		limits: func() Quarantine { return h.bounds.Load().Quarantine },
		tell:   func(e Event, reason string) { h.opts.Changed(p, e, reason) },
	}
	h.mu.Lock()
	h.loaded[p] = struct{}{}
	h.mu.Unlock()
	return p, nil
}

func (h *Host) forget(p *Plugin) {
	h.mu.Lock()
	delete(h.loaded, p)
	h.mu.Unlock()
}
