package direct

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/patchbay-dev/patchbay/abi"
)

// hostModule is the import module of what Patchbay itself gives.
const hostModule = "patchbay"

// link makes everything that a module may import, in one runtime.
func link(ctx context.Context, rt wazero.Runtime, y Yield) error {
	std := rt.NewHostModuleBuilder(wasiModule)
	for name, f := range wasi {
		std = std.NewFunctionBuilder().
			WithGoModuleFunction(f.goFunc(name), valueTypes(f.params), f.results(name)).
			Export(name)
	}
	if _, err := std.Instantiate(ctx); err != nil {
		return fmt.Errorf("link %s: %w", wasiModule, err)
	}
	_, err := rt.NewHostModuleBuilder(hostModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(hostLog), valueTypes("iii"), nil).
		Export("log").Instantiate(ctx)
	if err != nil {
		return fmt.Errorf("link %s: %w", hostModule, err)
	}
	_, err = rt.NewHostModuleBuilder(y.Module).NewFunctionBuilder().
		WithGoFunction(api.GoFunc(yield), nil, []api.ValueType{api.ValueTypeI64}).
		Export(y.Name).Instantiate(ctx)
	if err != nil {
		return fmt.Errorf("link %s: %w", y.Module, err)
	}
	return nil
}

// yield is called by the guest when a slice of fuel is used up. Being in Go is
// what lets a garbage collection and the scheduler through; then the call is
// stopped or gets its next slice.
func yield(ctx context.Context, stack []uint64) {
	r := ctx.(*record)
	r.slices.Add(1)
	r.check()
	stack[0] = r.slice
}

// hostLog is patchbay.log(level, ptr, len): one message, one line.
func hostLog(ctx context.Context, mod api.Module, args []uint64) {
	r := ctx.(*record)
	r.check()
	level, ptr, size := abi.LogLevel(uint32(args[0])), uint32(args[1]), uint32(args[2])
	if level < abi.LogLevelDebug || level > abi.LogLevelError {
		level = abi.LogLevelInfo
	}
	text, ok := mod.Memory().Read(ptr, min(size, abi.MaxImport))
	if !ok {
		panic(&stop{fault: abi.FaultProtocol, detail: fmt.Sprintf("patchbay.log names %d bytes at %d, outside its memory", size, ptr)})
	}
	r.log.line(r, level, text)
}
