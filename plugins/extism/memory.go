package extism

import (
	"encoding/binary"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// memories makes the linear memories of an instance and remembers them: the
// SDK hands its host functions the kernel's memory only, and the imports of
// preview 1 work on the guest's. The kernel is made before the guest.
type memories struct{ made []*memory }

// Allocate implements experimental.MemoryAllocator.
func (m *memories) Allocate(capacity, limit uint64) experimental.LinearMemory {
	made := &memory{limit: limit, bytes: make([]byte, 0, capacity)}
	m.made = append(m.made, made)
	return made
}

// guest is the memory of the guest, nil before it is made or when it has none.
func (m *memories) guest() *memory {
	if len(m.made) < 2 {
		return nil
	}
	return m.made[1]
}

// size is that of all memories, in bytes.
func (m *memories) size() (n int64) {
	for _, made := range m.made {
		n += int64(len(made.bytes))
	}
	return n
}

// memory is one linear memory on Go's heap. It is an api.Memory for imports: of
// that interface only what is written here may be called.
type memory struct {
	api.Memory
	limit uint64
	bytes []byte
}

// Reallocate implements experimental.LinearMemory.
func (m *memory) Reallocate(size uint64) []byte {
	if size > m.limit {
		return nil
	}
	if size > uint64(cap(m.bytes)) {
		bigger := make([]byte, size)
		copy(bigger, m.bytes)
		m.bytes = bigger
	}
	m.bytes = m.bytes[:size]
	return m.bytes
}

// Free implements experimental.LinearMemory.
func (m *memory) Free() { m.bytes = nil }

// Read implements api.Memory.
func (m *memory) Read(offset, count uint32) ([]byte, bool) {
	end := uint64(offset) + uint64(count)
	if end > uint64(len(m.bytes)) {
		return nil, false
	}
	return m.bytes[offset:end:end], true
}

// Write implements api.Memory.
func (m *memory) Write(offset uint32, v []byte) bool {
	to, ok := m.Read(offset, uint32(len(v)))
	copy(to, v)
	return ok
}

// ReadUint32Le implements api.Memory.
func (m *memory) ReadUint32Le(offset uint32) (uint32, bool) {
	p, ok := m.Read(offset, 4)
	if !ok {
		return 0, false
	}
	return binary.LittleEndian.Uint32(p), true
}

// WriteUint32Le implements api.Memory.
func (m *memory) WriteUint32Le(offset, v uint32) bool {
	p, ok := m.Read(offset, 4)
	if ok {
		binary.LittleEndian.PutUint32(p, v)
	}
	return ok
}

// WriteUint64Le implements api.Memory.
func (m *memory) WriteUint64Le(offset uint32, v uint64) bool {
	p, ok := m.Read(offset, 8)
	if ok {
		binary.LittleEndian.PutUint64(p, v)
	}
	return ok
}
