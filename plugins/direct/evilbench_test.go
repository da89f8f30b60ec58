package direct_test

import (
	"context"
	"math"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/testkit/asm"
	"github.com/patchbay-dev/patchbay/plugins/direct"
)

// BenchmarkEvilPause holds the promise of the meter, that no module keeps the
// Go scheduler from a processor for more than 50 ms: it asks for collections
// while an endless module runs, and reports how long one had to wait until all
// goroutines stood still, at worst (ms/stop-max) and nine times in ten
// (ms/stop-p90).
func BenchmarkEvilPause(b *testing.B) {
	for _, e := range endless {
		if e.atLoad {
			continue
		}
		b.Run(e.name, func(b *testing.B) {
			m := load(b, readEvil(b, e.name), func(c *direct.Config) { c.Instances = 1; c.CallTime = time.Hour })
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			done := make(chan error, 1)
			go func() {
				_, err := m.Call(ctx, abi.OpExecute, e.input, nil)
				done <- err
			}()
			for m.Stats().Slices < 4 && m.Stats().Leased == 0 {
				runtime.Gosched()
			}
			before := stops()
			for b.Loop() {
				for range 20 {
					runtime.GC()
				}
			}
			after := stops()
			cancel()
			if err := <-done; faultOf(err) != abi.FaultCanceled {
				b.Fatal(err)
			}
			b.ReportMetric(after.quantile(before, 1)*1e3, "ms/stop-max")
			b.ReportMetric(after.quantile(before, 0.9)*1e3, "ms/stop-p90")
		})
	}
}

// histogram of how long it took until all goroutines stood still.
type histogram struct{ metrics.Float64Histogram }

func stops() histogram {
	s := []metrics.Sample{{Name: "/sched/pauses/stopping/gc:seconds"}}
	metrics.Read(s)
	h := s[0].Value.Float64Histogram()
	return histogram{metrics.Float64Histogram{Counts: slices.Clone(h.Counts), Buckets: slices.Clone(h.Buckets)}}
}

// quantile of what came since before, in seconds, rounded up.
func (h histogram) quantile(before histogram, q float64) float64 {
	total := uint64(0)
	for i := range h.Counts {
		total += h.Counts[i] - before.Counts[i]
	}
	rank, seen := uint64(math.Ceil(q*float64(total))), uint64(0)
	for i := range h.Counts {
		if seen += h.Counts[i] - before.Counts[i]; seen >= rank {
			return h.Buckets[min(i+1, len(h.Buckets)-2)]
		}
	}
	return math.NaN()
}

// BenchmarkNeighbour compares an honest plugin's calls beside an evil plugin
// with the same calls beside an honest one that is as busy: x/busy is the median
// of the ratios of both p99, of windows in turns.
func BenchmarkNeighbour(b *testing.B) {
	const window = 400 * time.Millisecond
	honest := load(b, goGuest, nil)
	busy := load(b, busyGuest(), nil)
	for _, name := range []string{"loop-empty", "memory-copy", "memory-grow", "cache-miss", "square-roots", "imports-loop"} {
		b.Run(name, func(b *testing.B) {
			evil := load(b, readEvil(b, name), nil)
			var ratios, own []float64
			for b.Loop() {
				beside := p99(b, honest, busy, window)
				ratios = append(ratios, float64(p99(b, honest, evil, window))/float64(beside))
				own = append(own, beside.Seconds()*1e3)
			}
			slices.Sort(ratios)
			slices.Sort(own)
			b.ReportMetric(ratios[len(ratios)/2], "x/busy")
			b.ReportMetric(own[len(own)/2], "ms/busy-p99")
		})
	}
}

// busyGuest works for about a hundred microseconds a call.
func busyGuest() []byte {
	// local 2 counts down: loop; local.get 2; i32.const 1; i32.sub; local.tee 2; br_if 0; end
	countdown := append(append([]byte{}, asm.I32(100_000)...), 0x21, 0x01, 0x03, 0x40, 0x20, 0x01)
	countdown = append(append(countdown, asm.I32(1)...), 0x6b, 0x22, 0x01, 0x0d, 0x00, 0x0b)
	return asm.Guest(nil, countdown, asm.OK()).Bytes()
}

// p99 of an honest module's calls, one each millisecond, while four callers
// keep a neighbour as busy as it likes.
func p99(b *testing.B, honest, neighbour *direct.Module, window time.Duration) time.Duration {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				// How it ends is no matter: an evil one has its deadline.
				_, _ = neighbour.Call(ctx, abi.OpExecute, nil, nil)
			}
		})
	}
	var took []time.Duration
	for end := time.Now().Add(window); time.Now().Before(end); {
		due := time.Now().Add(time.Millisecond)
		time.Sleep(time.Millisecond)
		if _, err := execute(b.Context(), honest, "echo", "hello"); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(due))
	}
	cancel()
	wg.Wait()
	slices.Sort(took)
	return took[len(took)*99/100]
}
