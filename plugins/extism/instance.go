package extism

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	sdk "github.com/extism/go-sdk"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/plugins/direct"
)

// instance is one running copy of a module, with a kernel of its own. It
// belongs to whoever leased it.
type instance struct {
	plugin  *sdk.Plugin
	session *direct.Session
	memory  memories
	blocks  blocks
	config  map[string]string

	// input is the size of the call's input; met says that blocks knows where
	// it is.
	input uint64
	met   bool
}

// meet learns where the input is. The SDK puts it into the kernel before it
// calls, and says the place only in the context of the functions that the guest
// calls.
func (i *instance) meet(ctx context.Context) {
	if i.met {
		return
	}
	at, _ := ctx.Value(sdk.InputOffsetKey("inputOffset")).(uint64)
	i.blocks.reset(block{at: at, size: i.input})
	i.met = true
}

// instanceKey finds the instance in the context of a call.
type instanceKey struct{}

func instanceOf(ctx context.Context) *instance {
	i, ok := ctx.Value(instanceKey{}).(*instance)
	if !ok { // an import that is called by nobody's call
		direct.Stop(abi.FaultTrap, "an import was called outside a call")
	}
	return i
}

// kernelOf finds the SDK's kernel, which it puts into the context of a call.
func kernelOf(ctx context.Context) api.Module {
	m, ok := ctx.Value(sdk.PluginCtxKey("extism")).(api.Module)
	if !ok {
		direct.Stop(abi.FaultTrap, "the guest's start function reaches for Extism's memory, which is there for calls only")
	}
	return m
}

// instantiate makes an instance. Its start function runs under limit.
func (m *Module) instantiate(ctx context.Context) (*instance, error) {
	i := &instance{session: m.sessions.New(), config: m.config}
	i.session.Begin(ctx, m.initTime)
	defer i.session.End()
	// The SDK finds its plugin in the context of a call; a start function runs
	// before there is one.
	made := context.WithValue(i.context(), sdk.PluginCtxKey("plugin"), &sdk.Plugin{})
	plugin, err := m.compiled.Instance(experimental.WithMemoryAllocator(made, &i.memory), sdk.PluginInstanceConfig{
		ModuleConfig: wazero.NewModuleConfig().WithSysWalltime().WithSysNanotime(),
	})
	if err != nil {
		return nil, err
	}
	i.plugin = plugin
	plugin.SetLogger(func(sdk.LogLevel, string) {}) // the SDK's own lines
	if err := i.initialize(); err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

// initialize runs what toolchains for WASI want run first. The SDK does it only
// for guests that have its own WASI; for Haskell it does it anyway.
func (i *instance) initialize() error {
	if i.plugin.FunctionExists("hs_init") {
		return nil
	}
	for _, name := range []string{"_initialize", "__wasm_call_ctors"} {
		if i.plugin.FunctionExists(name) {
			i.input, i.met = 0, false
			_, _, err := i.plugin.CallWithContext(i.context(), name, nil)
			return err
		}
	}
	return nil
}

// context carries the instance and nothing of the caller's: what may stop the
// call is in the session.
func (i *instance) context() context.Context {
	return context.WithValue(context.Background(), instanceKey{}, i)
}

// close gives the instance's memory back.
func (i *instance) close() {
	// Closing an instance without files and listeners cannot fail.
	_ = i.plugin.CloseWithContext(context.Background())
}

// run performs one op. The instance must be discarded after a fault.
func (i *instance) run(ctx context.Context, limit time.Duration, op abi.Op, input, dst []byte, most int) ([]byte, *fault) {
	in, err := encode(op, input)
	if err != nil {
		return dst, &fault{kind: abi.FaultProtocol, detail: "the input cannot be given to this tier", err: err}
	}
	// The kernel has room for it, or the SDK would write it over the kernel's
	// own.
	if len(in) > most {
		return dst, &fault{kind: abi.FaultLimit, detail: fmt.Sprintf("the input has %d bytes as JSON; the most is %d", len(in), most)}
	}
	i.session.Begin(ctx, limit)
	defer i.session.End()
	out, f := i.exchange(in)
	if f != nil {
		return dst, f
	}
	dst, err = decode(out, dst)
	if err != nil {
		return dst, &fault{kind: abi.FaultProtocol, detail: "the answer is not a list of actions in JSON", err: err}
	}
	return dst, nil
}

func (i *instance) exchange(in []byte) ([]byte, *fault) {
	i.input, i.met = uint64(len(in)), false
	code, out, err := i.plugin.CallWithContext(i.context(), exportCall, in)
	if err != nil {
		if s, told := guestError(err, code); told {
			return nil, &fault{kind: abi.FaultTrap, detail: s}
		}
		kind, detail := direct.FaultOf(err)
		return nil, &fault{kind: kind, detail: direct.Printable([]byte(detail))}
	}
	if code != 0 {
		return nil, &fault{kind: abi.FaultTrap, detail: fmt.Sprintf("%s returned %d", exportCall, code)}
	}
	if len(out) == 0 {
		return nil, &fault{kind: abi.FaultProtocol, detail: "the guest returned no output"}
	}
	if len(out) > abi.MaxOutput {
		return nil, &fault{kind: abi.FaultLimit, detail: fmt.Sprintf("the output has %d bytes; the most is %d", len(out), abi.MaxOutput)}
	}
	return out, nil
}

// guestError is the message that a guest set with error_set before it returned
// a code. Errors of wazero are more than that.
func guestError(err error, code uint32) (string, bool) {
	if code == 0 || errors.Unwrap(err) != nil || strings.Contains(err.Error(), "wasm stack trace") {
		return "", false
	}
	return direct.Printable([]byte(err.Error())), true
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// fault is why a call gave no answer, before the module puts its name to it.
type fault struct {
	kind   abi.Fault
	detail string
	err    error
}
