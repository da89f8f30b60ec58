package extism

import (
	"slices"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/plugins/direct"
)

// Bounds of one call.
const (
	// maxBlock is the longest block of memory that a guest gets.
	maxBlock = 1 << 20
	// maxBlocks may be there at a time, maxAllocs be asked for: the kernel looks
	// through its blocks one by one, without a meter.
	maxBlocks = 4096
	maxAllocs = 1 << 16
)

// block is a part of the kernel's memory that a guest was given.
type block struct{ at, size uint64 }

// blocks are those of one call, by their place, and the input among them.
type blocks struct {
	list   []block
	last   int // the index of the block that was touched last
	allocs int
	input  block
}

func (b *blocks) reset(input block) {
	*b = blocks{list: b.list[:0], input: input}
	if input.size > 0 {
		b.add(input)
	}
}

func (b *blocks) search(at uint64) (int, bool) {
	return slices.BinarySearchFunc(b.list, at, func(k block, at uint64) int {
		switch {
		case k.at < at:
			return -1
		case k.at > at:
			return 1
		}
		return 0
	})
}

// add takes a block into the list. One that is there already is replaced: the
// kernel gives out memory again only after it was freed.
func (b *blocks) add(k block) {
	i, there := b.search(k.at)
	if there {
		b.list[i] = k
		return
	}
	if len(b.list) >= maxBlocks {
		direct.Stop(abi.FaultLimit, "the call holds more than %d blocks of memory", maxBlocks)
	}
	b.list = slices.Insert(b.list, i, k)
	b.last = i
}

func (b *blocks) remove(at uint64) bool {
	i, there := b.search(at)
	if there {
		b.list = slices.Delete(b.list, i, i+1)
		b.last = 0
	}
	return there
}

// exactly returns the block that begins at a place.
func (b *blocks) exactly(at uint64) (block, bool) {
	if i, there := b.search(at); there {
		return b.list[i], true
	}
	return block{}, false
}

// hold stops the call unless all of size bytes at a place are in one block.
func (b *blocks) hold(at, size uint64) {
	if b.last < len(b.list) && b.list[b.last].holds(at, size) {
		return
	}
	i, there := b.search(at)
	if !there {
		i--
	}
	if i < 0 || !b.list[i].holds(at, size) {
		direct.Stop(abi.FaultProtocol, "the guest reaches for %d bytes at %d, which no block of its own holds", size, at)
	}
	b.last = i
}

func (k block) holds(at, size uint64) bool {
	return at >= k.at && size <= k.size && at-k.at <= k.size-size
}
