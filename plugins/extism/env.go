package extism

import (
	"context"

	"github.com/tetratelabs/wazero/api"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/plugins/direct"
)

// envFunc is one function that PDKs import: its parameters and results (i for
// i32, l for i64), and what it does here.
type envFunc struct {
	params, results string
	do              func(ctx context.Context, i *instance, stack []uint64)
}

// env is all that the Extism kernel and SDK offer to guests. What it costs is
// bounded by the checks of each call, not by fuel: every one of them is in Go,
// where a garbage collection can go on, and looks at the call's deadline.
var env = map[string]envFunc{
	"alloc":            {"l", "l", alloc},
	"free":             {"l", "", free},
	"length":           {"l", "l", length},
	"length_unsafe":    {"l", "l", length},
	"load_u8":          {"l", "i", loadU8},
	"load_u64":         {"l", "l", loadU64},
	"store_u8":         {"li", "", storeU8},
	"store_u64":        {"ll", "", storeU64},
	"input_length":     {"", "l", func(_ context.Context, i *instance, s []uint64) { s[0] = i.blocks.input.size }},
	"input_offset":     {"", "l", func(_ context.Context, i *instance, s []uint64) { s[0] = i.blocks.input.at }},
	"input_load_u8":    {"l", "i", inputLoadU8},
	"input_load_u64":   {"l", "l", inputLoadU64},
	"output_set":       {"ll", "", outputSet},
	"output_length":    {"", "l", kernel("output_length")},
	"output_offset":    {"", "l", kernel("output_offset")},
	"error_set":        {"l", "", errorSet},
	"error_get":        {"", "l", kernel("error_get")},
	"memory_bytes":     {"", "l", kernel("memory_bytes")},
	"config_get":       {"l", "l", configGet},
	"get_log_level":    {"", "i", func(_ context.Context, _ *instance, s []uint64) { s[0] = levelInfo }},
	"log_trace":        {"l", "", logAt(abi.LogLevelDebug)},
	"log_debug":        {"l", "", logAt(abi.LogLevelDebug)},
	"log_info":         {"l", "", logAt(abi.LogLevelInfo)},
	"log_warn":         {"l", "", logAt(abi.LogLevelWarn)},
	"log_error":        {"l", "", logAt(abi.LogLevelError)},
	"input_set":        {"ll", "", refused("input_set")},
	"reset":            {"", "", refused("reset")},
	"var_get":          {"l", "l", refused("var_get")},
	"var_set":          {"ll", "", refused("var_set")},
	"http_request":     {"ll", "l", refused("http_request")},
	"http_status_code": {"", "i", refused("http_status_code")},
	"http_headers":     {"", "l", refused("http_headers")},
}

// levelInfo is Extism's number of its level info.
const levelInfo = 2

// refused is a function that this host does not have. It may be imported, since
// PDKs import all of them.
func refused(name string) func(context.Context, *instance, []uint64) {
	return func(context.Context, *instance, []uint64) {
		direct.Stop(abi.FaultTrap, "the guest called Extism's %s, which this host does not have: it sends with an action, and keeps with state", name)
	}
}

// kernel hands a call to the kernel of this instance.
func kernel(name string) func(context.Context, *instance, []uint64) {
	return func(ctx context.Context, i *instance, stack []uint64) { i.kernel(ctx, name, stack) }
}

func alloc(ctx context.Context, i *instance, stack []uint64) {
	size := stack[0]
	if size > maxBlock {
		direct.Stop(abi.FaultLimit, "the guest asks for a block of %d bytes; the most is %d", size, maxBlock)
	}
	if i.blocks.allocs++; i.blocks.allocs > maxAllocs {
		direct.Stop(abi.FaultLimit, "the call asked for more than %d blocks of memory", maxAllocs)
	}
	i.kernel(ctx, "alloc", stack)
	if stack[0] != 0 {
		i.blocks.add(block{at: stack[0], size: size})
	}
}

// free does nothing for what is no block of the guest's, as the kernel does.
func free(ctx context.Context, i *instance, stack []uint64) {
	if at := stack[0]; at != i.blocks.input.at && i.blocks.remove(at) {
		i.kernel(ctx, "free", stack)
	}
}

func length(_ context.Context, i *instance, stack []uint64) {
	k, _ := i.blocks.exactly(stack[0])
	stack[0] = k.size
}

func loadU8(_ context.Context, i *instance, stack []uint64) {
	i.blocks.hold(stack[0], 1)
	v, _ := i.kernelMemory().ReadByte(uint32(stack[0]))
	stack[0] = uint64(v)
}

func loadU64(_ context.Context, i *instance, stack []uint64) {
	i.blocks.hold(stack[0], 8)
	stack[0], _ = i.kernelMemory().ReadUint64Le(uint32(stack[0]))
}

func storeU8(_ context.Context, i *instance, stack []uint64) {
	i.blocks.hold(stack[0], 1)
	i.kernelMemory().WriteByte(uint32(stack[0]), byte(stack[1]))
}

func storeU64(_ context.Context, i *instance, stack []uint64) {
	i.blocks.hold(stack[0], 8)
	i.kernelMemory().WriteUint64Le(uint32(stack[0]), stack[1])
}

func inputLoadU8(ctx context.Context, i *instance, stack []uint64) {
	stack[0] = inputAt(i, stack[0], 1)
	loadU8(ctx, i, stack)
}

func inputLoadU64(ctx context.Context, i *instance, stack []uint64) {
	stack[0] = inputAt(i, stack[0], 8)
	loadU64(ctx, i, stack)
}

func inputAt(i *instance, offset, size uint64) uint64 {
	in := i.blocks.input
	if offset > in.size || size > in.size-offset {
		direct.Stop(abi.FaultProtocol, "the guest reads %d bytes at %d of an input of %d", size, offset, in.size)
	}
	return in.at + offset
}

func outputSet(ctx context.Context, i *instance, stack []uint64) {
	if stack[1] > 0 {
		i.blocks.hold(stack[0], stack[1])
	}
	i.kernel(ctx, "output_set", stack)
}

func errorSet(ctx context.Context, i *instance, stack []uint64) {
	if stack[0] != 0 {
		i.text(stack[0], maxBlock)
	}
	i.kernel(ctx, "error_set", stack)
}

// configGet gives a member of the plugin's configuration: a text as it is,
// anything else as JSON.
func configGet(ctx context.Context, i *instance, stack []uint64) {
	value, ok := i.config[string(i.text(stack[0], abi.MaxImport))]
	stack[0] = 0
	if !ok {
		return
	}
	stack[0] = uint64(len(value))
	alloc(ctx, i, stack)
	if stack[0] != 0 {
		i.kernelMemory().WriteString(uint32(stack[0]), value)
	}
}

func logAt(level abi.LogLevel) func(context.Context, *instance, []uint64) {
	return func(ctx context.Context, i *instance, stack []uint64) {
		i.session.Line(level, i.text(stack[0], abi.MaxImport))
		free(ctx, i, stack)
	}
}

// text is the content of a block, cut at most bytes. It lies in the kernel's
// memory.
func (i *instance) text(at uint64, most int) []byte {
	k, ok := i.blocks.exactly(at)
	if !ok {
		direct.Stop(abi.FaultProtocol, "the guest names a block at %d that it was not given", at)
	}
	text, _ := i.kernelMemory().Read(uint32(k.at), uint32(min(k.size, uint64(most))))
	return text
}

// kernel calls a function of this instance's kernel.
func (i *instance) kernel(ctx context.Context, name string, stack []uint64) {
	if err := kernelOf(ctx).ExportedFunction(name).CallWithStack(ctx, stack); err != nil {
		// A trap of the kernel is one of the guest that drove it there.
		direct.Stop(abi.FaultTrap, "the kernel's %s: %v", name, firstLine(err))
	}
}

func (i *instance) kernelMemory() api.Memory { return i.plugin.Memory() }
