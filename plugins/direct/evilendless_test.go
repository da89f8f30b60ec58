package direct_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/plugins/direct"
)

// endless are modules that never end by themselves: at an op, or when they are
// loaded. All of them must be stopped by their deadline.
var endless = []struct {
	name   string
	slices uint64 // used up at the stop, of a clock that moves at each reading
	atLoad bool
	input  []byte
}{
	{name: "loop-empty", slices: ticks},
	{name: "loop-br-if", slices: ticks},
	{name: "loop-br-table", slices: ticks},
	{name: "loop-inner", slices: ticks},
	{name: "loop-outer", slices: ticks},
	{name: "loop-from-within", slices: ticks},
	{name: "loop-with-values", slices: ticks},
	{name: "loop-of-calls", slices: ticks},
	{name: "loop-of-indirect-calls", slices: ticks},
	{name: "recursion-tree", slices: ticks},
	{name: "recursion-tree-mutual", slices: ticks},
	{name: "recursion-tree-indirect", slices: ticks},
	{name: "memory-fill", slices: ticks},
	{name: "memory-fill-nothing", slices: ticks},
	{name: "memory-copy", slices: ticks},
	{name: "memory-init", slices: ticks},
	{name: "memory-grow", slices: ticks},
	{name: "memory-grow-nothing", slices: ticks},
	{name: "table-fill", slices: ticks},
	{name: "table-copy", slices: ticks},
	{name: "table-init", slices: ticks},
	{name: "table-grow", slices: ticks},
	{name: "table-grow-nothing", slices: ticks},
	{name: "ref-func", slices: ticks},
	{name: "cache-miss", slices: ticks},
	{name: "square-roots", slices: ticks},
	{name: "divisions", slices: ticks},
	{name: "vectors", slices: ticks},
	// An import looks at the clock too, long before a slice is used up.
	{name: "imports-loop"},
	{name: "imports-clock"},
	{name: "imports-poll"},
	{name: "log-flood"},
	{name: "output-lines-flood"},
	{name: "buffer-loop", slices: ticks, input: []byte{0}},
	{name: "start-loop", atLoad: true},
	{name: "start-memory-fill", atLoad: true},
	{name: "initialize-loop", atLoad: true},
	{name: "abi-loop", atLoad: true},
	{name: "init-loop", atLoad: true},
}

// ticks is how often a call with the usual time may look at the test's clock.
const (
	tick  = 100 * time.Millisecond
	ticks = uint64(abi.DefaultCallTime / tick)
)

// TestP02EndlessModules: whatever a module does instead of ending, it is
// stopped by its deadline after a known number of slices, a garbage collection
// that was asked for meanwhile comes back first, and nothing of it is left.
func TestP02EndlessModules(t *testing.T) {
	for _, e := range endless {
		t.Run("P-02 "+e.name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			wasm := readEvil(t, e.name)
			c := &collecting{}
			r := newRuntime(t)
			r.SetClock(c.now)
			// A module that does not get loaded is counted by its yields only.
			if e.atLoad {
				for _, collect := range []bool{true, false} {
					c.begin(collect, 3) // the log, the call, the yield
					_, err := loadOn(t, r, wasm, nil)
					wantDeadline(t, err, abi.OpInit)
					c.end(t)
					if n := uint64(c.reads); !collect && (n < ticks || n > ticks+4) {
						t.Errorf("stopped at the clock's reading %d, want %d and what comes before the guest", n, ticks)
					}
				}
				return
			}
			m, err := loadOn(t, r, wasm, func(c *direct.Config) { c.Instances = 1 })
			if err != nil {
				t.Fatal(err)
			}
			defer closeNow(t, m)
			for _, collect := range []bool{true, false} {
				c.module = m
				c.begin(collect, 2) // the call, the yield
				before := m.Stats().Slices
				_, err := m.Call(context.Background(), abi.OpExecute, e.input, nil)
				wantDeadline(t, err, abi.OpExecute)
				c.end(t)
				s := m.Stats()
				// A new instance begins without fuel, and answers init.
				if used := s.Slices - before - 1; !collect && e.slices != 0 && used != e.slices {
					t.Errorf("%d slices at the stop, want %d", used, e.slices)
				}
				if s.Instances != 0 || s.Leased != 0 || s.MemoryBytes != 0 {
					t.Errorf("left behind: %+v", s)
				}
			}
		})
	}
}

func wantDeadline(t *testing.T, err error, op abi.Op) {
	t.Helper()
	if call := wantFault(t, err, abi.FaultDeadline); call.Op != op || !strings.Contains(call.Detail, "used up its 2s") {
		t.Errorf("got %+v", call)
	}
}

// collecting is a clock. With collect it stands still until a garbage
// collection that was asked for at the guest's first yield has come back, and
// moves at each reading from then on; without, from the beginning. It counts
// yields, so that a collection that does not come back fails the test.
type collecting struct {
	module    *direct.Module
	at        time.Duration
	reads     int
	first     int // reading within the guest
	done      chan struct{}
	collected bool
	stuck     bool
}

// maxYields is how many slices a guest may use while a collection is under way.
// One that can stop the guest takes a few dozen, or as many as fit into its
// milliseconds of a guest whose every instruction costs a slice.
const maxYields = 5_000_000

func (c *collecting) begin(collect bool, first int) {
	c.first = first
	c.reads, c.done, c.collected, c.stuck = 0, make(chan struct{}), !collect, false
}

func (c *collecting) now() int64 {
	c.reads++
	switch {
	case c.done == nil: // before begin
		return int64(c.at)
	case !c.collected && c.reads == c.first:
		go func() {
			runtime.GC()
			close(c.done)
		}()
	case !c.collected:
		select {
		case <-c.done:
			c.collected = true
		default:
			if c.yields() > maxYields {
				c.collected, c.stuck = true, true
			}
		}
	}
	if c.collected {
		c.at += tick
	}
	return int64(c.at)
}

// yields of the call, or readings as long as there is no module to ask.
func (c *collecting) yields() int {
	if c.module == nil {
		return c.reads
	}
	return int(c.module.Stats().Slices)
}

func (c *collecting) end(t *testing.T) {
	t.Helper()
	if c.stuck {
		t.Errorf("a collection had not come back after %d yields", maxYields)
	}
}
