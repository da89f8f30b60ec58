package direct_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/plugins/direct"
	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// stage is who refuses a module.
type stage int

const (
	byMeter stage = iota
	bySurface
	byEngine
)

// refused are modules of which nothing ever runs.
var refused = []struct {
	row, name string
	by        stage
	want      []string // in the error
}{
	{"names", "names-counter", byMeter, []string{"global index 1 is out of range"}},
	{"names", "names-counter-read", byMeter, []string{"global index 0 is out of range"}},
	{"names", "exports-counter", byMeter, []string{"global index 0 is out of range"}},
	{"names", "global-from-counter", byMeter, []string{"imported global index 1 is out of range"}},
	{"names", "names-yield", byMeter, []string{"function index 3 is out of range"}},
	{"names", "names-refill", byMeter, []string{"function index 4 is out of range"}},
	{"names", "names-helper-in-table", byMeter, []string{"function index 3 is out of range"}},
	{"names", "names-helper-by-reference", byMeter, []string{"function index 4 is out of range"}},
	{"names", "names-helper-as-start", byMeter, []string{"function index 3 is out of range"}},
	{"names", "exports-helper", byMeter, []string{"func index 4 is out of range"}},
	{"names", "imports-yield", byMeter, []string{"patchbay.meter", "the host's own"}},

	{"P-08", "exports-no-memory", bySurface, []string{"does not export memory"}},
	{"P-08", "exports-nothing", bySurface, []string{"does not export memory", "patchbay_abi_1() -> i32", "patchbay_buffer(i32) -> i32", "patchbay_call(i32, i32) -> i64"}},
	{"P-08", "exports-a-command", bySurface, []string{"-buildmode=c-shared"}},
	{"P-08", "exports-wrong-types", bySurface, []string{"patchbay_abi_1() -> i64, want patchbay_abi_1() -> i32", "patchbay_buffer(i64) -> i32", "patchbay_call(i32) -> i64", "_initialize() -> i32"}},
	{"P-08", "exports-wrong-kinds", bySurface, []string{"memory as a global", "patchbay_call as a table", "patchbay_buffer as a memory", "_initialize as a global"}},
	{"P-08", "imports-wrong-types", bySurface, []string{"fd_write(i32) -> i32, which is", "patchbay.log(i32, i32), which is", "random_get(i64, i64) -> i32, which is"}},
	{"P-09", "exports-newer-abi", bySurface, []string{"speaks ABI 2, this host speaks ABI 1"}},
	{"P-09", "exports-older-abi", bySurface, []string{"speaks ABI 0, this host speaks ABI 1"}},
	{"P-16", "imports-foreign", bySurface, []string{"env.system", "patchbay.exec", "fd_teleport", "wasi_snapshot_preview2.fd_write"}},
	{"P-16", "imports-table", bySurface, []string{"the table env.table"}},
	{"P-16", "imports-global", bySurface, []string{"the global env.stack"}},
	{"P-16", "imports-memory", bySurface, []string{"the memory env.memory"}},

	{"P-17", "table-huge", byMeter, []string{"100000000 elements", "100000"}},
	{"P-17", "tables-many", byMeter, []string{"120000 elements", "100000"}},
	{"P-17", "memory-of-4-gib", byEngine, []string{"65536"}},
	{"P-17", "memory-beyond-the-limit", byEngine, []string{"1025"}},
	{"P-17", "stack-type-error", byEngine, []string{"compile"}},
	{"P-17", "counter-by-type-error", byEngine, []string{"compile"}},
	{"P-17", "binary-cut", byMeter, []string{"declares 127 bytes, 2 are left"}},
	{"P-17", "binary-count-lies", byMeter, []string{"4294967295 types declared"}},
	{"P-17", "binary-shared-memory", byMeter, []string{"threads are not supported"}},
	{"P-17", "binary-memory64", byMeter, []string{"memory64 is not supported"}},
	{"P-17", "binary-two-memories", byMeter, []string{"multi-memory is not supported"}},
	{"P-17", "binary-tags", byMeter, []string{"exceptions are not supported"}},
	{"P-17", "binary-tail-call", byMeter, []string{"tail calls are not supported"}},
	{"P-17", "binary-padded-opcode", byMeter, []string{"unknown opcode 0xfc"}},
	{"P-17", "binary-component", byMeter, []string{"a core module"}},
}

// TestRefusedModules: each is refused by the first that could know, with a
// reason, before an instruction of it runs.
func TestRefusedModules(t *testing.T) {
	for _, e := range refused {
		t.Run(e.row+" "+e.name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			err := refuse(t, readEvil(t, e.name), e.by)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range e.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
}

// refuse brings a module as far as it comes.
func refuse(t *testing.T, wasm []byte, by stage) error {
	t.Helper()
	metered, err := meter.Rewrite(wasm, meter.Config{})
	if err != nil {
		if by != byMeter {
			t.Fatalf("refused by the meter: %v", err)
		}
		return err
	}
	imports, exports := externs(metered)
	if err := direct.Check(imports, exports); err != nil {
		if by != bySurface || !errors.Is(err, direct.ErrSurface) {
			t.Fatalf("refused for its surface: %v", err)
		}
		return err
	}
	_, err = newRuntime(t).Load(context.Background(), direct.Config{Plugin: "test", Wasm: metered.Wasm, Yield: yield, Init: initOf("{}")})
	var call *abi.CallError
	if err != nil && (by != byEngine || errors.As(err, &call)) {
		t.Fatalf("refused late: %v", err)
	}
	return err
}

// externs are a module's imports and exports as the loader gives them.
func externs(m *meter.Module) (imports, exports []direct.Extern) {
	for _, i := range m.Imports {
		imports = append(imports, direct.Extern{Module: i.Module, Name: i.Name, Kind: i.Kind, Signature: i.Signature})
	}
	for _, e := range m.Exports {
		exports = append(exports, direct.Extern{Name: e.Name, Kind: e.Kind, Signature: e.Signature})
	}
	return imports, exports
}
