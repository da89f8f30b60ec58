package meter

// Weights, in units. They are rough: the clock decides at a yield, and weights
// only have to make sure that a slice of them can't take long.
const (
	// weightPlain is that of an instruction without a rule of its own.
	weightPlain = 1
	// weightMemory is that of a load or store. A chain of loads that miss every
	// cache and the page tables took 210 to 240 ns each: a slice of them 10 ms.
	weightMemory = 24
	// weightCall is that of a call, whose target may be cold; the function
	// called pays for itself on top.
	weightCall = 4
	// weightBulk is the fixed part of a bulk instruction, memory.grow and
	// table.grow, which leave compiled code.
	weightBulk = 16
)

// Shifts from a length to its charge. Memory costs one unit for each 4 bytes: a
// copy that touches its pages for the first time moves 2 GB a second, so a slice
// of them takes 2 ms, and of warm ones half a millisecond. Tables and
// memory.grow cost one for each 64 bytes; the length of a memory.grow is that of
// the memory afterwards, since all of it may be moved: a thousand grows by one
// page took 200 ms where memory is on Go's heap.
const (
	bytesShift   = 2  // right
	entriesShift = 3  // right: an entry of a table has 8 bytes
	pagesShift   = 10 // left
)

// piece is how many bytes one instruction of the added functions moves at most:
// 0.2 ms if it touches its pages for the first time. It must be above zero, and
// a multiple of what one unit pays for.
const piece = 256 << 10

// pageShift is from pages of memory to bytes.
const pageShift = 16
