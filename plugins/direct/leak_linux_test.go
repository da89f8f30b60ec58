package direct_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/testkit/asm"
	"github.com/patchbay-dev/patchbay/plugins/direct"
	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// TestMemoriesAreGivenBack: what is closed, and what did not come to be, leaves
// none of the address space that it reserved.
func TestMemoriesAreGivenBack(t *testing.T) {
	const rounds = 20
	broken := asm.Guest(func(m *asm.Module) { m.Start(m.Func("", "", 0, asm.Unreachable())) }, asm.OK()).Bytes()
	before := addressSpace(t)
	for range rounds {
		m, err := tryLoad(t, asm.Guest(nil, asm.OK()).Bytes(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := tryLoad(t, broken, nil); err == nil {
			t.Fatal("a start function that traps was loaded")
		}
	}
	if grown := addressSpace(t) - before; grown > rounds/2*abi.DefaultMemory {
		t.Errorf("%d modules left %d MiB of address space", rounds, grown>>20)
	}
}

func addressSpace(t *testing.T) int64 {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var pages int64
	if _, err := fmt.Sscan(string(raw), &pages); err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// TestFaultD05MemoryReturns: of two hundred versions, each swapped for the next
// while calls run, nothing is left: no instance, no address space, and no
// compiled code. The compile cache once kept all code of closed versions.
func TestFaultD05MemoryReturns(t *testing.T) {
	const swaps = 200
	r := newRuntime(t)
	version := func(n int) *direct.Module {
		metered, err := meter.Rewrite(asm.Guest(func(m *asm.Module) { m.Data(4096, []byte{byte(n), byte(n >> 8)}) }, asm.OK()).Bytes(), meter.Config{})
		if err != nil {
			t.Fatal(err)
		}
		m, err := r.Load(t.Context(), direct.Config{Plugin: "test", Wasm: metered.Wasm, Yield: yield, Init: initOf("{}"), Instances: 2})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	serving := version(0)
	code, space := executables(t), addressSpace(t)
	for n := range swaps {
		next := version(n + 1)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := serving.Call(t.Context(), abi.OpExecute, nil, nil); err != nil && faultOf(err) != abi.FaultClosed {
					t.Error(err)
				}
			})
		}
		if err := serving.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if s := serving.Stats(); s.Instances != 0 || s.Leased != 0 || s.Waiting != 0 || s.MemoryBytes != 0 {
			t.Fatalf("version %d left behind %+v", n, s)
		}
		serving = next
	}
	// Code is unmapped by a finalizer.
	left := 0
	for range 100 {
		runtime.GC()
		if left = executables(t) - code; left <= 2 {
			break
		}
	}
	if left > 2 {
		t.Errorf("%d pieces of compiled code are left of %d versions", left, swaps)
	}
	if grown := addressSpace(t) - space; grown > swaps/4*abi.DefaultMemory {
		t.Errorf("%d versions left %d MiB of address space", swaps, grown>>20)
	}
	if err := serving.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// executables counts the mappings of code that belong to no file.
func executables(t *testing.T) (n int) {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if f := strings.Fields(line); len(f) == 5 && strings.Contains(f[1], "x") {
			n++
		}
	}
	return n
}
