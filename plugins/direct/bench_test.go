package direct_test

import (
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/testkit/asm"
	"github.com/patchbay-dev/patchbay/plugins/direct"
)

// BenchmarkEmptyCall is the budget of a guest call: at most 300 ns and no
// allocation on the host (DESIGN.md section 6). The Go guest's figure holds
// what the guest itself does to answer.
func BenchmarkEmptyCall(b *testing.B) {
	b.Run("assembled", func(b *testing.B) { benchmarkCall(b, asm.Guest(nil, asm.OK()).Bytes(), nil) })
	b.Run("assembled-1KiB", func(b *testing.B) {
		benchmarkCall(b, asm.Guest(nil, asm.OK()).Bytes(), make([]byte, 1<<10))
	})
	b.Run("go", func(b *testing.B) { benchmarkCall(b, goGuest, nil) })
}

func benchmarkCall(b *testing.B, wasm, input []byte) {
	m := load(b, wasm, func(c *direct.Config) { c.Instances = 1 })
	ctx := b.Context()
	dst := make([]byte, 0, 64<<10)
	b.ReportAllocs()
	for b.Loop() {
		out, err := m.Call(ctx, abi.OpCloseSession, input, dst)
		if err != nil || len(out) == 0 {
			b.Fatal(out, err)
		}
	}
}

// BenchmarkLoadCached is a load from the disk cache, with its first instance.
func BenchmarkLoadCached(b *testing.B) {
	for b.Loop() {
		m, err := tryLoad(b, goGuest, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := m.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
