package meter_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

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

var goGuest = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "meter-guest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "guest.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, "main.go")
	cmd.Dir = filepath.Join("testdata", "guest")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, errors.New(err.Error() + ": " + string(text))
	}
	return os.ReadFile(out)
})

// guest builds the Go guest of testdata, once.
func guest(t testing.TB) []byte {
	t.Helper()
	wasm, err := goGuest()
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}
