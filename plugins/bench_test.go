package plugins_test

import (
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
)

// BenchmarkEmptyCall is the budget of a guest call as the driver makes it, the
// watch over faults included: at most 300 ns and no allocation on the host.
func BenchmarkEmptyCall(b *testing.B) {
	p, err := newHost(b, nil).Load(b.Context(), pack(b, goGuest, manifest()), nil)
	if err != nil {
		b.Fatal(err)
	}
	in, out := []byte{0x12, 0x00}, make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		if out, err = p.Call(b.Context(), abi.OpCloseSession, in, out[:0]); err != nil {
			b.Fatal(err)
		}
	}
}
