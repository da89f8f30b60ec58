package direct

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/patchbay-dev/patchbay/abi"
)

// instance is one running copy of a module. It belongs to whoever leased it;
// two goroutines in one instance would read each other's bytes, or end the
// process.
type instance struct {
	mod          api.Module
	mem          api.Memory
	buffer, call api.Function
	stack        [2]uint64
	record       record
	// memory is the size that the pool last counted, base what it was after
	// init, both in bytes.
	memory, base int64
}

// fault is why a call gave no answer, before the module puts its name to it.
type fault struct {
	kind   abi.Fault
	detail string
	err    error
}

// instantiate makes an instance and brings it to the state after _initialize.
// It must be closed by the caller unless there is a fault.
func (m *Module) instantiate(ctx context.Context) (*instance, *fault) {
	i := &instance{record: record{now: m.now, log: &capture{to: m.log}, halt: &m.halt, slice: m.slice, slices: &m.stats.slices}}
	i.record.begin(ctx, m.initTime)
	defer i.record.end()
	var memory mappings
	i.record.values = experimental.WithMemoryAllocator(context.Background(), memory.allocator())
	mod, err := m.runtime.InstantiateModule(&i.record, m.compiled, moduleConfig())
	i.record.values = nil
	if err != nil {
		memory.free()
		return nil, classify(err)
	}
	i.mod, i.mem = mod, mod.Memory()
	if f := i.start(); f != nil {
		i.close()
		return nil, f
	}
	return i, nil
}

// start runs what an instance must have run before its first op.
func (i *instance) start() *fault {
	i.buffer = i.mod.ExportedFunction(exportBuffer)
	i.call = i.mod.ExportedFunction(exportCall)
	if initialize := i.mod.ExportedFunction(exportInitialize); initialize != nil {
		if err := initialize.CallWithStack(&i.record, i.stack[:]); err != nil {
			return classify(err)
		}
	}
	if err := i.mod.ExportedFunction(exportABI).CallWithStack(&i.record, i.stack[:]); err != nil {
		return classify(err)
	}
	if got := uint32(i.stack[0]); got != 0 {
		return &fault{kind: abi.FaultProtocol, detail: fmt.Sprintf("%s returned %d, want 0", exportABI, got)}
	}
	return nil
}

// close gives the instance's memory back. It is never used again.
func (i *instance) close() {
	// Closing an instance without files and listeners cannot fail.
	_ = i.mod.Close(context.Background())
}

// run performs one op. The instance must be discarded after a fault.
func (i *instance) run(ctx context.Context, limit time.Duration, op abi.Op, input, dst []byte) ([]byte, *fault) {
	i.record.begin(ctx, limit)
	out, f := i.exchange(op, input, dst)
	i.record.end()
	if f != nil {
		return dst, f
	}
	return out, nil
}

// exchange writes the input, calls, and copies the output. It trusts nothing
// that the guest says of its memory.
func (i *instance) exchange(op abi.Op, input, dst []byte) ([]byte, *fault) {
	if len(input) > 0 {
		i.stack[0] = uint64(uint32(len(input)))
		if err := i.buffer.CallWithStack(&i.record, i.stack[:]); err != nil {
			return nil, classify(err)
		}
		ptr := uint32(i.stack[0])
		if ptr == 0 {
			return nil, &fault{kind: abi.FaultLimit, detail: fmt.Sprintf("the guest has no room for an input of %d bytes", len(input))}
		}
		if !i.mem.Write(ptr, input) {
			return nil, &fault{kind: abi.FaultProtocol, detail: fmt.Sprintf("%s(%d) returned %d, outside its memory", exportBuffer, len(input), ptr)}
		}
	}
	i.stack[0], i.stack[1] = uint64(op), uint64(uint32(len(input)))
	if err := i.call.CallWithStack(&i.record, i.stack[:]); err != nil {
		return nil, classify(err)
	}
	ptr, size := uint32(i.stack[0]>>32), uint32(i.stack[0])
	if ptr == 0 && size == 0 {
		return nil, &fault{kind: abi.FaultProtocol, detail: "the guest returned no output"}
	}
	if size > abi.MaxOutput {
		return nil, &fault{kind: abi.FaultLimit, detail: fmt.Sprintf("the output has %d bytes; the most is %d", size, abi.MaxOutput)}
	}
	view, ok := i.mem.Read(ptr, size)
	if !ok {
		return nil, &fault{kind: abi.FaultProtocol, detail: fmt.Sprintf("the output is %d bytes at %d, outside its memory", size, ptr)}
	}
	return append(dst, view...), nil
}

// classify tells a stop of ours from a trap.
func classify(err error) *fault {
	var s *stop
	if errors.As(err, &s) {
		return &fault{kind: s.fault, detail: s.detail}
	}
	return &fault{kind: abi.FaultTrap, detail: trapText(err)}
}

// trapText is the first line of wazero's error. The frames below it have no
// names, since a metered module has no name section; what a guest says of its
// own end, it writes to stderr.
func trapText(err error) string {
	first, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimPrefix(first, "wasm error: ")
}
