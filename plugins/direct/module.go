package direct

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/patchbay-dev/patchbay/abi"
)

// Yield names the import that plugins/meter adds to a module.
type Yield struct {
	Module, Name string
	// Slice is the fuel that one yield gives.
	Slice uint64
}

// Config is what a module is loaded with.
type Config struct {
	// Plugin is the manifest's id, for errors.
	Plugin string
	// Wasm is the module as rewritten by plugins/meter.
	Wasm  []byte
	Yield Yield
	// Init is the encoded abi.InitInput that every instance hears first.
	Init []byte
	// Instances is the size of the pool; 0 means twice the processors, at
	// least four.
	Instances int
	// MemoryBytes is the memory limit of an instance, at most 1 GiB; 0 means
	// abi.DefaultMemory.
	MemoryBytes int64
	// CallTime is how long one call may run; 0 means abi.DefaultCallTime.
	CallTime time.Duration
	// QueueTime is how long a call waits for an instance; 0 means 5 s.
	QueueTime time.Duration
	// Queue is how many calls may wait for an instance at a time; 0 means
	// DefaultQueue.
	Queue int
	// Fresh gives every call an instance that ran nothing but init, which is
	// how the host may treat a guest at any time. It is for tests of guests.
	Fresh bool
	// Log takes the guest's log lines, escaped and rate limited; nil drops
	// them. It is called from within calls, from several goroutines.
	Log func(level abi.LogLevel, line string)
}

// Filled puts in the defaults of what is 0, and refuses a memory limit that
// nobody may set.
func (c Config) Filled() (Config, error) {
	if c.MemoryBytes == 0 {
		c.MemoryBytes = abi.DefaultMemory
	}
	if pages := c.MemoryBytes / abi.PageSize; pages < 1 || pages > maxPages {
		return c, fmt.Errorf("a memory limit of %d bytes is not between one page and %d MiB", c.MemoryBytes, maxPages*abi.PageSize>>20)
	}
	if c.Instances <= 0 {
		c.Instances = max(4, 2*runtime.GOMAXPROCS(0))
	}
	if c.CallTime <= 0 {
		c.CallTime = abi.DefaultCallTime
	}
	if c.QueueTime <= 0 {
		c.QueueTime = defaultQueueTime
	}
	if c.Queue <= 0 {
		c.Queue = DefaultQueue
	}
	return c, nil
}

// DefaultQueue is how many calls may wait for an instance of one plugin. At
// ten microseconds a call, two instances are done with so many in 20 ms; more
// than that wait for a plugin that hangs.
const DefaultQueue = 4096

const (
	defaultQueueTime = 5 * time.Second
	minInitTime      = abi.DefaultCallTime
)

// Module is one loaded version of a plugin. It implements abi.Guest.
type Module struct {
	plugin    string
	runtime   wazero.Runtime
	compiled  wazero.CompiledModule
	init      []byte
	slice     uint64
	callTime  time.Duration
	initTime  time.Duration
	queueTime time.Duration
	queue     int64
	fresh     bool
	memory    int64
	log       *logger
	now       func() int64

	// Each slot of the pool is a token: in warm with an instance, in empty
	// without one, or with the call that leased it.
	warm  chan *instance
	empty chan struct{}

	// closing is closed when no new call may begin; halt is set when running
	// calls must stop.
	closing chan struct{}
	once    sync.Once
	halt    atomic.Bool
	// closed is closed when everything is released.
	closed chan struct{}

	stats counters
}

var _ abi.Guest = (*Module)(nil)

// Load compiles a module, makes its first instance and runs op init on it.
// Errors of the module's imports and exports match ErrSurface; those of the
// first instance are *abi.CallError.
func (r *Runtime) Load(ctx context.Context, c Config) (*Module, error) {
	c, err := c.Filled()
	if err != nil {
		return nil, err
	}
	m := &Module{
		plugin:    c.Plugin,
		queue:     int64(c.Queue),
		fresh:     c.Fresh,
		init:      c.Init,
		slice:     c.Yield.Slice,
		callTime:  c.CallTime,
		initTime:  max(c.CallTime, minInitTime),
		queueTime: c.QueueTime,
		memory:    c.MemoryBytes,
		log:       newLogger(c.Log, r.now),
		now:       r.now,
		warm:      make(chan *instance, c.Instances),
		empty:     make(chan struct{}, c.Instances),
		closing:   make(chan struct{}),
		closed:    make(chan struct{}),
		runtime:   r.newRuntime(ctx, uint32(c.MemoryBytes/abi.PageSize)),
	}
	if err := m.prepare(ctx, r, c); err != nil {
		return nil, errors.Join(err, m.unload(ctx))
	}
	return m, nil
}

// unload gives back the code. A runtime that shares a compile cache keeps what
// it compiled, also after its end, until it is told of each module.
func (m *Module) unload(ctx context.Context) error {
	err := m.runtime.Close(ctx)
	if m.compiled != nil {
		err = errors.Join(err, m.compiled.Close(ctx))
	}
	return err
}

func (m *Module) prepare(ctx context.Context, r *Runtime, c Config) error {
	compiled, err := r.compileModule(ctx, m.runtime, c.Wasm)
	if err != nil {
		return err
	}
	m.compiled = compiled
	imports, exports := externs(compiled, c.Yield)
	if err := Check(imports, exports); err != nil {
		return err
	}
	if err := link(ctx, m.runtime, c.Yield); err != nil {
		return err
	}
	first, f := m.create(ctx)
	if f != nil {
		m.log.close()
		return m.callError(abi.OpInit, f)
	}
	m.warm <- first
	for range cap(m.empty) - 1 {
		m.empty <- struct{}{}
	}
	return nil
}

// externs lists what a compiled module imports, but for the yield import, and
// exports.
func externs(c wazero.CompiledModule, y Yield) (imports, exports []Extern) {
	for _, f := range c.ImportedFunctions() {
		module, name, _ := f.Import()
		if module == y.Module && name == y.Name {
			continue
		}
		imports = append(imports, Extern{Module: module, Name: name, Kind: "func", Signature: signature(f.ParamTypes(), f.ResultTypes())})
	}
	for _, mem := range c.ImportedMemories() {
		module, name, _ := mem.Import()
		imports = append(imports, Extern{Module: module, Name: name, Kind: "memory"})
	}
	for name, f := range c.ExportedFunctions() {
		exports = append(exports, Extern{Name: name, Kind: "func", Signature: signature(f.ParamTypes(), f.ResultTypes())})
	}
	for name := range c.ExportedMemories() {
		exports = append(exports, Extern{Name: name, Kind: "memory"})
	}
	return imports, exports
}

func moduleConfig() wazero.ModuleConfig {
	// Our own WASI asks none of these; they are real so that no default of
	// wazero's, which are deterministic, can ever be seen.
	return wazero.NewModuleConfig().WithName("").WithStartFunctions().
		WithRandSource(rand.Reader).WithSysWalltime().WithSysNanotime()
}

// create makes an instance that has answered init.
func (m *Module) create(ctx context.Context) (*instance, *fault) {
	i, f := m.instantiate(ctx)
	if f != nil {
		return nil, f
	}
	out, f := i.run(ctx, m.initTime, abi.OpInit, m.init, nil)
	if f == nil {
		f = checkInit(out)
	}
	if f != nil {
		i.close()
		return nil, f
	}
	m.stats.instances.Add(1)
	m.count(i)
	i.base = i.memory
	return i, nil
}

// checkInit reads the answer to init: ok, or fail with a word to the operator.
func checkInit(out []byte) *fault {
	var list abi.ActionList
	if err := abi.DecodeStrict(out, &list); err != nil {
		return &fault{kind: abi.FaultProtocol, detail: "the answer is not a list of actions", err: err}
	}
	if len(list.Actions) != 1 {
		return &fault{kind: abi.FaultProtocol, detail: fmt.Sprintf("the answer has %d actions, want ok or fail alone", len(list.Actions))}
	}
	switch a := list.Actions[0]; a.Which {
	case abi.ActionIsOK:
		return nil
	case abi.ActionIsFail:
		return &fault{kind: abi.FaultProtocol, detail: fmt.Sprintf("the plugin refuses to start: %s: %s", escape([]byte(a.Fail.Code)), escape([]byte(a.Fail.Message)))}
	}
	return &fault{kind: abi.FaultProtocol, detail: "the answer is neither ok nor fail"}
}

// Call implements abi.Guest.
func (m *Module) Call(ctx context.Context, op abi.Op, input, dst []byte) ([]byte, error) {
	m.stats.calls.Add(1)
	if len(input) > abi.MaxInput {
		return dst, m.callError(op, &fault{kind: abi.FaultLimit, detail: fmt.Sprintf("the input has %d bytes; the most is %d", len(input), abi.MaxInput)})
	}
	i, f := m.lease(ctx)
	if f != nil {
		return dst, m.callError(op, f)
	}
	if f := left(ctx); f != nil {
		// Nothing ran: the instance is as good as before.
		m.release(i)
		return dst, m.callError(op, f)
	}
	out, f := i.run(ctx, m.callTime, op, input, dst)
	if f != nil {
		m.discard(i)
		return dst, m.callError(op, f)
	}
	m.count(i)
	switch {
	case m.swollen(i):
		m.stats.recycled.Add(1)
		m.discard(i)
	case m.fresh:
		m.discard(i)
	default:
		m.release(i)
	}
	return out, nil
}

func (m *Module) callError(op abi.Op, f *fault) error {
	m.stats.faults[f.kind].Add(1)
	return &abi.CallError{Plugin: m.plugin, Op: op, Fault: f.kind, Detail: f.detail, Err: f.err}
}
