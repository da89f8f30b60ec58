package direct_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/testkit/asm"
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
