package extism

import (
	"context"

	sdk "github.com/extism/go-sdk"
	"github.com/tetratelabs/wazero/api"

	"github.com/patchbay-dev/patchbay/plugins/direct"
)

// link makes everything that a guest may import, in place of what the SDK
// would give it.
func link(y direct.Yield) []sdk.HostFunction {
	var all []sdk.HostFunction
	add := func(module, name string, params, results []api.ValueType, do func(context.Context, []uint64)) {
		f := sdk.NewHostFunctionWithStack(name, func(ctx context.Context, _ *sdk.CurrentPlugin, stack []uint64) { do(ctx, stack) }, params, results)
		f.SetNamespace(module)
		all = append(all, f)
	}
	for name, f := range env {
		add(HomeModule, name, types(f.params), types(f.results), func(ctx context.Context, stack []uint64) {
			i := instanceOf(ctx)
			i.session.Check()
			i.meet(ctx)
			f.do(ctx, i, stack)
		})
	}
	for _, std := range direct.StandardImports() {
		add(std.Module, std.Name, std.Params, std.Results, func(ctx context.Context, stack []uint64) {
			i := instanceOf(ctx)
			std.Do(i.session, i.guestMemory(), stack)
		})
	}
	add(y.Module, y.Name, nil, []api.ValueType{api.ValueTypeI64}, func(ctx context.Context, stack []uint64) {
		stack[0] = instanceOf(ctx).session.Yield()
	})
	return all
}

// guestMemory is the guest's own memory; a guest without one has nothing to
// point to.
func (i *instance) guestMemory() api.Memory {
	if own := i.memory.guest(); own != nil {
		return own
	}
	return &memory{}
}
