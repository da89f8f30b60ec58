package direct

import (
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

// mappings gives instances memory that is not on Go's heap: it grows in place
// instead of being copied, only what the guest touched takes room, and the
// garbage collector does not wait for as much garbage again.
//
// A view of such a memory must not be used after its instance is closed: it
// would end the process. Views are copied before an instance is released, and
// only then can it be closed.
type mappings struct{ made []*mapping }

// Allocate implements experimental.MemoryAllocator. Where the system does not
// give the address space, the memory is Go's after all.
func (m *mappings) Allocate(_, limit uint64) experimental.LinearMemory {
	whole, err := syscall.Mmap(-1, 0, int(limit), syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
	if err != nil {
		return new(onHeap)
	}
	made := &mapping{whole: whole}
	m.made = append(m.made, made)
	return made
}

func (m *mappings) allocator() experimental.MemoryAllocator { return m }

// free gives everything back, for an instance that did not come to be.
func (m *mappings) free() {
	for _, made := range m.made {
		made.Free()
	}
}

// mapping is one linear memory: address space for all that it may become.
type mapping struct{ whole []byte }

// Reallocate implements experimental.LinearMemory.
func (m *mapping) Reallocate(size uint64) []byte {
	if size > uint64(len(m.whole)) {
		return nil
	}
	return m.whole[:size]
}

// Free implements experimental.LinearMemory. It is idempotent.
func (m *mapping) Free() {
	if m.whole == nil {
		return
	}
	// It fails only for what is no mapping.
	_ = syscall.Munmap(m.whole)
	m.whole = nil
}

// onHeap is a linear memory of Go's.
type onHeap struct{ bytes []byte }

// Reallocate implements experimental.LinearMemory.
func (m *onHeap) Reallocate(size uint64) []byte {
	if size > uint64(cap(m.bytes)) {
		bigger := make([]byte, size)
		copy(bigger, m.bytes)
		m.bytes = bigger
	}
	m.bytes = m.bytes[:size]
	return m.bytes
}

// Free implements experimental.LinearMemory.
func (m *onHeap) Free() { m.bytes = nil }
