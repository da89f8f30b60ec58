package extism

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	sdk "github.com/extism/go-sdk"
	"github.com/tetratelabs/wazero"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/plugins/direct"
)

// Module is one loaded version of a plugin. It implements abi.Guest.
type Module struct {
	plugin    string
	compiled  *sdk.CompiledPlugin
	sessions  *direct.Sessions
	config    map[string]string
	init      []byte
	callTime  time.Duration
	initTime  time.Duration
	queueTime time.Duration
	queue     int64
	memory    int64
	fresh     bool

	// slots holds a token for each instance that may be there: the instance, or
	// nil when it is still to be made. A call has the token of its own.
	slots   chan *instance
	closing chan struct{}
	once    sync.Once
	closed  chan struct{}
	// closeErr is written before closed is closed.
	closeErr error

	stats counters
}

var _ abi.Guest = (*Module)(nil)

// Load compiles a module, as rewritten by plugins/meter with its imports from
// EnvModule renamed to HomeModule, makes its first instance and runs op init on
// it. It takes what direct.Runtime.Load takes.
func Load(ctx context.Context, r *direct.Runtime, c direct.Config) (*Module, error) {
	c, err := c.Filled()
	if err != nil {
		return nil, err
	}
	config, err := settingsOf(c.Init)
	if err != nil {
		return nil, err
	}
	m := &Module{
		plugin: c.Plugin, config: config, init: c.Init,
		callTime: c.CallTime, initTime: max(c.CallTime, abi.DefaultCallTime), queueTime: c.QueueTime, queue: int64(c.Queue),
		memory: c.MemoryBytes, fresh: c.Fresh, sessions: direct.NewSessions(c.Yield.Slice, c.Log),
		slots: make(chan *instance, c.Instances), closing: make(chan struct{}), closed: make(chan struct{}),
	}
	// The SDK lets go of nothing when it fails to compile; what it would fail
	// on is found here.
	if err := r.Compile(ctx, c.Wasm); err != nil {
		return nil, err
	}
	err = r.Admitted(ctx, c.Wasm, uint32(c.MemoryBytes/abi.PageSize), func(config wazero.RuntimeConfig) (err error) {
		m.compiled, err = sdk.NewCompiledPlugin(ctx, sdk.Manifest{
			Wasm: []sdk.Wasm{sdk.WasmData{Data: c.Wasm}},
			// No hosts, no paths, no variables: what is not named is off.
			Memory: &sdk.ManifestMemory{MaxPages: uint32(c.MemoryBytes / abi.PageSize), MaxHttpResponseBytes: 0, MaxVarBytes: 0},
		}, sdk.PluginConfig{RuntimeConfig: config}, link(c.Yield))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	first, f := m.create(ctx)
	if f != nil {
		m.sessions.Close()
		return nil, errors.Join(m.callError(abi.OpInit, f), m.compiled.Close(ctx))
	}
	m.slots <- first
	for range c.Instances - 1 {
		m.slots <- nil
	}
	return m, nil
}

// create makes an instance that has answered init.
func (m *Module) create(ctx context.Context) (*instance, *fault) {
	i, err := m.instantiate(ctx)
	if err != nil {
		kind, detail := direct.FaultOf(err)
		return nil, &fault{kind: kind, detail: direct.Printable([]byte(detail))}
	}
	out, f := i.run(ctx, m.initTime, abi.OpInit, m.init, nil, m.room())
	if f == nil {
		if kind, detail, err := direct.CheckInit(out); kind != 0 {
			f = &fault{kind: kind, detail: detail, err: err}
		}
	}
	if f != nil {
		i.close()
		return nil, f
	}
	m.stats.instances.Add(1)
	return i, nil
}

// room is the longest input that the kernel of an instance takes, with as much
// again for what the guest makes of it.
func (m *Module) room() int { return int(m.memory / 2) }

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
	defer m.stats.leased.Add(-1)
	out, f := i.run(ctx, m.callTime, op, input, dst, m.room())
	if f != nil || m.fresh || i.memory.size() > m.memory {
		// A fault leaves an instance in a state that nobody knows, and a memory
		// never shrinks.
		m.stats.instances.Add(-1)
		i.close()
		i = nil
	}
	m.slots <- i
	if f != nil {
		return dst, m.callError(op, f)
	}
	return out, nil
}

// Close refuses new calls, waits for the running ones and releases everything.
// When ctx ends first, running calls are stopped. It is idempotent; every
// caller returns when all is released.
func (m *Module) Close(ctx context.Context) error {
	m.once.Do(func() {
		close(m.closing)
		defer close(m.closed)
		done := ctx.Done()
		for range cap(m.slots) {
			var i *instance
			select {
			case i = <-m.slots:
			case <-done:
				m.sessions.Halt()
				done = nil
				i = <-m.slots
			}
			if i != nil {
				m.stats.instances.Add(-1)
				i.close()
			}
		}
		m.sessions.Close()
		m.closeErr = m.compiled.Close(context.WithoutCancel(ctx))
	})
	<-m.closed
	return m.closeErr
}

func (m *Module) callError(op abi.Op, f *fault) error {
	m.stats.faults[f.kind].Add(1)
	return &abi.CallError{Plugin: m.plugin, Op: op, Fault: f.kind, Detail: f.detail, Err: f.err}
}
