//go:build !linux

package direct

import "github.com/tetratelabs/wazero/experimental"

// mappings leaves linear memories to wazero, which puts them on Go's heap.
type mappings struct{}

func (*mappings) allocator() experimental.MemoryAllocator { return nil }

func (*mappings) free() {}
