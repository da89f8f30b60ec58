package meter_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/patchbay-dev/patchbay/host/testkit/wasmcache"
	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// errStop is what the test host stops a guest with.
var errStop = errors.New("out of slices")

// engine is a wazero runtime that provides yield and WASI.
type engine struct {
	wazero.Runtime
	// yields counts the calls; stopAt ends the guest at that many, 0 never.
	yields, stopAt int
	// seen, if set, runs at each yield.
	seen func()
}

// newEngine gives an engine with a memory limit of 64 MiB. config is nil for
// the compiler.
func newEngine(t testing.TB, config wazero.RuntimeConfig) *engine {
	t.Helper()
	ctx := t.Context()
	if config == nil {
		config = wazero.NewRuntimeConfig()
	}
	e := &engine{Runtime: wazero.NewRuntimeWithConfig(ctx, config.WithMemoryLimitPages(1024).WithCoreFeatures(api.CoreFeaturesV2))}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	_, err := e.NewHostModuleBuilder(meter.YieldModule).NewFunctionBuilder().
		WithGoFunction(api.GoFunc(func(_ context.Context, stack []uint64) {
			e.yields++
			if e.seen != nil {
				e.seen()
			}
			if e.yields == e.stopAt {
				panic(errStop)
			}
			stack[0] = meter.Slice
		}), nil, []api.ValueType{api.ValueTypeI64}).Export(meter.YieldName).Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	wasi_snapshot_preview1.MustInstantiate(ctx, e)
	return e
}

// instance compiles and instantiates a module, running its start function.
func (e *engine) instance(t testing.TB, wasm []byte) api.Module {
	t.Helper()
	m, err := e.InstantiateWithConfig(t.Context(), wasm, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// rewrite fails the test if the module is refused.
func rewrite(t testing.TB, wasm []byte) *meter.Module {
	t.Helper()
	m, err := meter.Rewrite(wasm, meter.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// guest builds the Go guest of testdata, once.
func guest(t testing.TB) []byte {
	t.Helper()
	return wasmcache.BuildGuest(t, filepath.Join("testdata", "guest"))
}

// newCachedEngine is an engine for large modules: it keeps what it compiled,
// which under the race detector takes twenty seconds.
func newCachedEngine(t testing.TB) *engine {
	t.Helper()
	cache, err := wazero.NewCompilationCacheWithDir(wasmcache.Dir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cache.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return newEngine(t, wazero.NewRuntimeConfig().WithCompilationCache(cache))
}
