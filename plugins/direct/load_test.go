package direct_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/testkit/asm"
	"github.com/patchbay-dev/patchbay/plugins/direct"
	"github.com/patchbay-dev/patchbay/plugins/meter"
)

func TestCheckListsWhatIsWrong(t *testing.T) {
	fn := func(name, signature string) direct.Extern {
		return direct.Extern{Name: name, Kind: "func", Signature: signature}
	}
	memory := direct.Extern{Name: "memory", Kind: "memory"}
	good := []direct.Extern{memory, fn("patchbay_abi_1", "() -> i32"), fn("patchbay_buffer", "(i32) -> i32"), fn("patchbay_call", "(i32, i32) -> i64")}
	tests := []struct {
		name    string
		imports []direct.Extern
		exports []direct.Extern
		want    []string // nil: accepted
	}{
		{name: "good", exports: good},
		{name: "with initialize", exports: append([]direct.Extern{fn("_initialize", "()")}, good...)},
		{name: "both versions", exports: append([]direct.Extern{fn("patchbay_abi_2", "() -> i32")}, good...)},
		{name: "nothing", want: []string{"does not export memory", "does not export patchbay_abi_1() -> i32", "patchbay_buffer(i32) -> i32", "patchbay_call(i32, i32) -> i64"}},
		{name: "a command", exports: []direct.Extern{memory, fn("_start", "()")}, want: []string{"-buildmode=c-shared", "patchbay_call"}},
		{name: "newer", exports: []direct.Extern{memory, fn("patchbay_abi_2", "() -> i32")}, want: []string{"speaks ABI 2, this host speaks ABI 1"}},
		{name: "wrong types", exports: []direct.Extern{
			{Name: "memory", Kind: "global"}, fn("patchbay_abi_1", "() -> i64"),
			{Name: "patchbay_buffer", Kind: "table"}, fn("patchbay_call", "(i32, i32) -> i64"), fn("_initialize", "() -> i32"),
		}, want: []string{"memory as a global", "patchbay_abi_1() -> i64, want", "patchbay_buffer as a table", "_initialize() -> i32, want"}},
		{name: "imports", exports: good, imports: []direct.Extern{
			{Module: "env", Name: "abort", Kind: "func", Signature: "()"},
			{Module: "patchbay", Name: "exec", Kind: "func", Signature: "()"},
			{Module: "patchbay", Name: "log", Kind: "func", Signature: "(i32, i32)"},
			{Module: "wasi_snapshot_preview1", Name: "fd_teleport", Kind: "func", Signature: "()"},
			{Module: "wasi_snapshot_preview1", Name: "fd_write", Kind: "func", Signature: "(i32) -> i32"},
			{Module: "patchbay.meter", Name: "yield", Kind: "func", Signature: "() -> i64"},
			{Module: "env", Name: "memory", Kind: "memory"},
		}, want: []string{"env.abort", "patchbay.exec", "patchbay.log(i32, i32), which is patchbay.log(i32, i32, i32)", "fd_teleport", "fd_write(i32) -> i32, which is", "patchbay.meter.yield", "memory env.memory"}},
		{name: "allowed imports", exports: good, imports: []direct.Extern{
			{Module: "patchbay", Name: "log", Kind: "func", Signature: "(i32, i32, i32)"},
			{Module: "wasi_snapshot_preview1", Name: "path_open", Kind: "func", Signature: "(i32, i32, i32, i32, i32, i64, i64, i32, i32) -> i32"},
			{Module: "wasi_snapshot_preview1", Name: "proc_exit", Kind: "func", Signature: "(i32)"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := direct.Check(tt.imports, tt.exports)
			if (err == nil) != (tt.want == nil) {
				t.Fatalf("got %v", err)
			}
			if err != nil && !errors.Is(err, direct.ErrSurface) {
				t.Errorf("%v does not match ErrSurface", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
}

// The trial instance's init is the self-check.
func TestInitThatFailsRefusesTheModule(t *testing.T) {
	answer := func(list *abi.ActionList) []byte {
		m := &asm.Module{}
		out := abi.AppendMessage(nil, list)
		m.Memory(2, 0)
		m.Data(16, out)
		m.Export("patchbay_abi_1", m.Func("", "i", 0, asm.I32(0)))
		m.Export("patchbay_buffer", m.Func("i", "i", 0, asm.I32(1024)))
		m.Export("patchbay_call", m.Func("ii", "l", 0, asm.I64(asm.Packed(16, len(out)))))
		return m.Bytes()
	}
	ok := abi.Action{Which: abi.ActionIsOK, OK: &abi.Ok{}}
	withABI := func(body []byte) []byte {
		m := &asm.Module{}
		m.Memory(2, 0)
		m.Export("patchbay_abi_1", m.Func("", "i", 0, body))
		m.Export("patchbay_buffer", m.Func("i", "i", 0, asm.I32(0)))
		m.Export("patchbay_call", m.Func("ii", "l", 0, asm.I64(0)))
		return m.Bytes()
	}
	tests := []struct {
		name  string
		wasm  []byte
		fault abi.Fault
		text  string
	}{
		{"refuses", goGuest, abi.FaultProtocol, "auth_invalid: this configuration is not for me"},
		{"wait", answer(&abi.ActionList{Actions: []abi.Action{{Which: abi.ActionIsWait, Wait: &abi.Wait{}}}}), abi.FaultProtocol, "neither ok nor fail"},
		{"two", answer(&abi.ActionList{Actions: []abi.Action{ok, ok}}), abi.FaultProtocol, "2 actions"},
		{"none", answer(&abi.ActionList{State: []byte{}}), abi.FaultProtocol, "0 actions"},
		{"version 7", withABI(asm.I32(7)), abi.FaultProtocol, "patchbay_abi_1 returned 7"},
		{"no room", withABI(asm.I32(0)), abi.FaultLimit, "no room"},
		{"start loops", startLoops(), abi.FaultDeadline, "used up its 2s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := tryLoad(t, tt.wasm, func(c *direct.Config) { c.Init = initOf(`{"refuse":true}`) })
			if call := wantFault(t, err, tt.fault); !strings.Contains(call.Detail, tt.text) || call.Op != abi.OpInit {
				t.Errorf("got %v, want %q", err, tt.text)
			}
		})
	}
}

// startLoops is a module whose start function never ends.
func startLoops() []byte {
	return asm.Guest(func(m *asm.Module) { m.Start(m.Func("", "", 0, asm.Spin())) }, asm.OK()).Bytes()
}

func TestMemoryLimit(t *testing.T) {
	// memory.grow(4 GiB), answered by the pointer -1, which is no memory.
	grow := append(asm.I32(65535), 0x40, 0x00, 0xac) // memory.grow, i64.extend_i32_s
	m := load(t, asm.Guest(nil, grow).Bytes(), func(c *direct.Config) { c.MemoryBytes = 1 << 20 })
	_, err := m.Call(t.Context(), abi.OpExecute, nil, nil)
	if call := wantFault(t, err, abi.FaultLimit); !strings.Contains(call.Detail, "4294967295") {
		t.Errorf("memory.grow did not fail: %v", err)
	}
	for _, limit := range []int64{1, 2 << 30, -1} {
		if _, err := tryLoad(t, asm.Guest(nil, asm.OK()).Bytes(), func(c *direct.Config) { c.MemoryBytes = limit }); err == nil {
			t.Errorf("a limit of %d bytes was taken", limit)
		}
	}
	if _, err := tryLoad(t, asm.Guest(nil, asm.OK()).Bytes(), func(c *direct.Config) { c.MemoryBytes = abi.PageSize }); err == nil {
		t.Error("a module of two pages was loaded with a limit of one")
	}
}

// loadIn loads a module with a compile cache of its own.
func loadIn(t *testing.T, dir string, wasm []byte) error {
	t.Helper()
	r, err := direct.NewRuntime(dir)
	if err != nil {
		return err
	}
	defer r.Close(context.Background())
	metered, err := meter.Rewrite(wasm, meter.Config{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Load(t.Context(), direct.Config{Plugin: "test", Wasm: metered.Wasm, Yield: yield, Init: initOf("{}")})
	if err != nil {
		return err
	}
	return m.Close(context.Background())
}

func cached(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "wazero-*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	content := map[string][]byte{}
	for _, file := range files {
		if content[file], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	return content
}

func TestCompileCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	wasm := asm.Guest(nil, asm.OK()).Bytes()
	if err := loadIn(t, dir, wasm); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("cache: %v, %v", info.Mode(), err)
	}
	first := cached(t, dir)
	if len(first) != 1 {
		t.Fatalf("%d files in the cache, want 1", len(first))
	}
	before := map[string]os.FileInfo{}
	for file := range first {
		before[file], _ = os.Stat(file)
	}
	if err := loadIn(t, dir, wasm); err != nil {
		t.Fatal(err)
	}
	for file, info := range before {
		if after, err := os.Stat(file); err != nil || !os.SameFile(info, after) {
			t.Errorf("the second load compiled again: %v", err)
		}
	}
}

// What wazero would refuse for ever is compiled again.
func TestDamagedCompileCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	wasm := asm.Guest(nil, asm.OK()).Bytes()
	if err := loadIn(t, dir, wasm); err != nil {
		t.Fatal(err)
	}
	for file, content := range cached(t, dir) {
		for name, bad := range map[string][]byte{
			"empty": {}, "cut": content[:len(content)/2], "flipped": flip(content, len(content)/2),
		} {
			if err := os.WriteFile(file, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := loadIn(t, dir, wasm); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if after := cached(t, dir)[file]; !bytes.Equal(after, content) {
			t.Error("the cache was not mended")
		}
	}
}

func flip(content []byte, at int) []byte {
	c := bytes.Clone(content)
	c[at] ^= 0xff
	return c
}

func TestCacheThatOthersCanWriteIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := direct.NewRuntime(dir); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("got %v", err)
	}
}

func TestLoadThatIsGivenUp(t *testing.T) {
	metered, err := meter.Rewrite(asm.Guest(nil, asm.OK()).Bytes(), meter.Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = newRuntime(t).Load(gone(), direct.Config{Plugin: "test", Wasm: metered.Wasm, Yield: yield, Init: initOf("{}")})
	if err == nil {
		t.Error("loaded for a caller that left")
	}
}
