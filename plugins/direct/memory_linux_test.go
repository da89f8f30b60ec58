package direct

import (
	"testing"
	"unsafe"
)

// TestAMemoryGrowsWhereItIs: what a guest wrote stays, what is new is zero, and
// nothing moves, so growing costs no copy.
func TestAMemoryGrowsWhereItIs(t *testing.T) {
	var m mappings
	linear := m.Allocate(0, 1<<20)
	before := linear.Reallocate(64 << 10)
	before[0], before[len(before)-1] = 1, 2
	after := linear.Reallocate(1 << 20)
	if unsafe.SliceData(before) != unsafe.SliceData(after) {
		t.Error("it moved")
	}
	if len(after) != 1<<20 || after[0] != 1 || after[64<<10-1] != 2 || after[64<<10] != 0 || after[1<<20-1] != 0 {
		t.Error("it is not what it was, and zero behind that")
	}
	if linear.Reallocate(1<<20+1) != nil {
		t.Error("it grew past its limit")
	}
	m.free()
	linear.Free() // once more is nothing
	if linear.Reallocate(1) != nil {
		t.Error("it lives on")
	}
}

// TestWithoutAddressSpace: the memory is Go's then, and behaves the same.
func TestWithoutAddressSpace(t *testing.T) {
	var m mappings
	linear := m.Allocate(0, 1<<62)
	p := linear.Reallocate(10)
	p[9] = 7
	if p = linear.Reallocate(100); len(p) != 100 || p[9] != 7 || p[99] != 0 {
		t.Error(p)
	}
	if p = linear.Reallocate(50); len(p) != 50 {
		t.Error(len(p))
	}
	linear.Free()
	m.free()
}
