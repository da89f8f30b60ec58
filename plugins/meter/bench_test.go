package meter_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// BenchmarkRewrite is the time for one module of 3 MB.
func BenchmarkRewrite(b *testing.B) {
	wasm := guest(b)
	b.SetBytes(int64(len(wasm)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := meter.Rewrite(wasm, meter.Config{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOverhead runs the same work in the module as it came and in the
// rewritten one, in turns, and reports the median of the ratio as x/orig.
func BenchmarkOverhead(b *testing.B) {
	// A loop of 5 instructions, the worst case: for each turn one charge.
	tight := one(funcType(i32, 0, i32), [][2]int{{1, i32}}, 0x03, 0x40,
		0x20, 1, 0x20, 0, 0x6a, 0x21, 1, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x20, 1, 0x0b)
	wasm := guest(b)
	e := newCachedEngine(b)
	before, after := e.instance(b, wasm), e.instance(b, rewrite(b, wasm).Wasm)
	for i, w := range []struct {
		name string
		n    uint64
	}{{"floats", 2000}, {"maps", 5000}, {"sort", 3000}, {"sha256", 3000}, {"json", 12}, {"text", 300}} {
		b.Run("go/"+w.name, func(b *testing.B) {
			compare(b, before.ExportedFunction("work"), after.ExportedFunction("work"), uint64(i), w.n)
		})
	}
	b.Run("tight loop", func(b *testing.B) {
		before, after := e.instance(b, tight.bytes()), e.instance(b, rewrite(b, tight.bytes()).Wasm)
		compare(b, before.ExportedFunction("f"), after.ExportedFunction("f"), 100_000)
	})
}

func compare(b *testing.B, before, after api.Function, args ...uint64) {
	timed := func(f api.Function) time.Duration {
		start := time.Now()
		if _, err := f.Call(b.Context(), args...); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	timed(before)
	timed(after)
	var ratios []float64
	for b.Loop() {
		x := timed(before)
		ratios = append(ratios, float64(timed(after))/float64(x))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x/orig")
}

// BenchmarkHostile reports the longest time between two yields, in
// milliseconds, of what is slowest for its weight.
func BenchmarkHostile(b *testing.B) {
	large := func(a asm) asm {
		a.memories = [][]byte{cat(0, uleb(1024))}
		a.tables = [][]byte{cat(funcref, 0, uleb(90_000))}
		return a
	}
	loop := func(text ...any) asm {
		return large(one(void, [][2]int{{1, f64}, {1, i32}}, 0x03, 0x40, cat(text...), 0x0c, 0, 0x0b, 0x0b))
	}
	// A chain of loads in a random order over all of 64 MiB.
	chase := large(one(void, [][2]int{{2, i32}}, 0x03, 0x40,
		0x20, 0, 0x41, 2, 0x74,
		0x20, 0, 0x41, sleb(1664525), 0x6c, 0x41, sleb(1013904223), 0x6a, 0x41, sleb(0xffffff), 0x71, 0x41, 2, 0x74,
		0x36, 2, 0,
		0x20, 0, 0x41, 1, 0x6a, 0x22, 0, 0x41, sleb(1<<24), 0x48, 0x0d, 0, 0x0b,
		0x03, 0x40, 0x20, 1, rep(20_000, 0x28, 2, 0), 0x21, 1, 0x0c, 0, 0x0b, 0x0b))
	for _, c := range []struct {
		name string
		a    asm
		skip int // yields until it is at its worst
	}{
		{"loads", chase, 500},
		{"sqrt", loop(0x20, 0, rep(20_000, 0x9f), 0x21, 0), 2},
		{"memory.fill 64 MiB", loop(0x41, 0, 0x41, 1, 0x41, sleb(64<<20), 0xfc, 11, 0), 2},
		{"memory.fill 0", loop(rep(3_000, 0x41, 0, 0x41, 1, 0x41, 0, 0xfc, 11, 0)), 2},
		{"memory.copy overlapping", loop(0x41, 1, 0x41, 0, 0x41, sleb(64<<20-1), 0xfc, 10, 0, 0), 2},
		{"memory.grow 0", loop(rep(2_000, 0x41, 0, 0x40, 0, 0x1a)), 2},
		{"memory.grow 1", func() asm { a := loop(0x41, 1, 0x40, 0, 0x1a); a.memories = [][]byte{{0, 1}}; return a }(), 0},
		{"table.fill", loop(rep(1_000, 0x41, 0, 0xd0, funcref, 0x41, sleb(90_000), 0xfc, 17, 0)), 2},
		{"table.grow 0", loop(rep(2_000, 0xd0, funcref, 0x41, 0, 0xfc, 15, 0, 0x1a)), 2},
		{"ref.func", loop(rep(2_000, 0xd2, 0, 0x1a)), 2},
	} {
		b.Run(c.name, func(b *testing.B) {
			e := newEngine(b, nil)
			var times []time.Duration
			last := time.Now()
			e.stopAt = c.skip + 200
			e.seen = func() {
				now := time.Now()
				if e.yields > c.skip {
					times = append(times, now.Sub(last))
				}
				last = now
			}
			m := e.instance(b, rewrite(b, c.a.bytes()).Wasm)
			b.ResetTimer()
			if _, err := call(b, m, "f"); err == nil {
				b.Fatal("it ended")
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1e3, "ms/slice-p50")
			b.ReportMetric(float64(times[len(times)-1].Microseconds())/1e3, "ms/slice-max")
		})
	}
}
