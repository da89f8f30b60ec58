package extism_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/testkit/asm"
	"github.com/patchbay-dev/patchbay/host/testkit/wasmcache"
	"github.com/patchbay-dev/patchbay/plugins/direct"
	"github.com/patchbay-dev/patchbay/plugins/extism"
	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// hook is examples/assemblyscript-hook, built by its compiler.
var hook []byte

func TestMain(m *testing.M) {
	var err error
	if hook, err = os.ReadFile("testdata/hook.wasm"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// load meters and loads a module.
func load(t testing.TB, wasm []byte, config string, change func(*direct.Config)) (*extism.Module, error) {
	t.Helper()
	metered, err := meter.Rewrite(wasm, meter.Config{Rename: map[string]string{extism.EnvModule: extism.HomeModule}})
	if err != nil {
		t.Fatalf("rewrite: %v", err)
	}
	r, err := direct.NewRuntime(wasmcache.Dir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	c := direct.Config{
		Plugin: "test", Wasm: metered.Wasm, Instances: 2,
		Yield: direct.Yield{Module: meter.YieldModule, Name: meter.YieldName, Slice: meter.Slice},
		Init:  abi.AppendMessage(nil, &abi.InitInput{ABI: abi.Version, Config: []byte(config)}),
	}
	if change != nil {
		change(&c)
	}
	m, err := extism.Load(t.Context(), r, c)
	if err == nil {
		t.Cleanup(func() {
			if err := m.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	return m, err
}

// ask calls a guest and reads its one action.
func ask(ctx context.Context, m *extism.Module, op abi.Op, in abi.Message) (abi.Action, error) {
	out, err := m.Call(ctx, op, abi.AppendMessage(nil, in), nil)
	if err != nil {
		return abi.Action{}, err
	}
	var list abi.ActionList
	if err := abi.DecodeStrict(out, &list); err != nil {
		return abi.Action{}, err
	}
	if len(list.Actions) != 1 {
		return abi.Action{}, fmt.Errorf("%d actions", len(list.Actions))
	}
	return list.Actions[0], nil
}

// kit is what a guest in assembly imports, by index.
type kit struct{ alloc, storeU64, outputSet, inputLoadU8, extra int }

// guest is a module that answers init with ok, and every other op with body,
// which leaves an i32. extra is one more import.
func guest(extra [4]string, body func(k kit) [][]byte, more ...func(*asm.Module)) []byte {
	m := &asm.Module{}
	k := kit{
		alloc:       m.Import(extism.EnvModule, "alloc", "l", "l"),
		storeU64:    m.Import(extism.EnvModule, "store_u64", "ll", ""),
		outputSet:   m.Import(extism.EnvModule, "output_set", "ll", ""),
		inputLoadU8: m.Import(extism.EnvModule, "input_load_u8", "l", "i"),
	}
	if extra[0] != "" {
		k.extra = m.Import(extra[0], extra[1], extra[2], extra[3])
	}
	for _, c := range more {
		c(m)
	}
	m.Memory(1, 0)
	ok := say(k, `{"actions":[{"ok":{}}]} `)
	// {"op":"OP_INIT" has an I where every other op has none.
	code := append([][]byte{asm.I64(10), asm.Call(k.inputLoadU8), asm.I32('I'), {0x46}, {0x04, 0x40}}, ok...)
	code = append(code, asm.I32(0), []byte{0x0f}, []byte{0x0b})
	code = append(code, body(k)...)
	m.Export("patchbay_call", m.Func("", "i", 1, code...))
	return m.Bytes()
}

// say makes text the output; its length is a multiple of eight.
func say(k kit, text string) [][]byte {
	const set, get = 0x21, 0x20
	// Locals are i32: the block's place is kept in one.
	code := [][]byte{asm.I64(int64(len(text))), asm.Call(k.alloc), {0xa7}, {set, 0}}
	at := func(offset int) [][]byte { return [][]byte{{get, 0}, {0xad}, asm.I64(int64(offset)), {0x7c}} }
	for i := 0; i < len(text); i += 8 {
		code = append(code, at(i)...)
		code = append(code, asm.I64(int64(binary.LittleEndian.Uint64([]byte(text[i:])))), asm.Call(k.storeU64))
	}
	code = append(code, at(0)...)
	return append(code, asm.I64(int64(len(text))), asm.Call(k.outputSet))
}

// faultOf is the fault of a call error.
func faultOf(err error) abi.Fault {
	if call, ok := errors.AsType[*abi.CallError](err); ok {
		return call.Fault
	}
	return 0
}

// soon is a limit for calls that are to use it up.
func soon(c *direct.Config) { c.CallTime = 50 * time.Millisecond }
