package schedule

import "math/bits"

// bitmap is a set of positions below a fixed size, with a summary above: a bit
// of level n+1 says that a word of level n is not zero. Finding the next set
// bit reads at most two words a level, and 100,000 positions need three levels.
type bitmap struct {
	levels [][]uint64
}

func newBitmap(size int) bitmap {
	var b bitmap
	for {
		words := (size + 63) / 64
		b.levels = append(b.levels, make([]uint64, words))
		if words <= 1 {
			return b
		}
		size = words
	}
}

func (b *bitmap) set(i int) {
	for _, level := range b.levels {
		word := &level[i>>6]
		was := *word
		*word |= 1 << (i & 63)
		if was != 0 { // the levels above know already
			return
		}
		i >>= 6
	}
}

func (b *bitmap) clear(i int) {
	for _, level := range b.levels {
		word := &level[i>>6]
		*word &^= 1 << (i & 63)
		if *word != 0 {
			return
		}
		i >>= 6
	}
}

// next returns the first set position at or after i, -1 when there is none.
func (b *bitmap) next(i int) int {
	for up := 0; up < len(b.levels); up++ {
		level := b.levels[up]
		if i>>6 >= len(level) {
			return -1
		}
		if rest := level[i>>6] >> (i & 63); rest != 0 {
			i += bits.TrailingZeros64(rest)
			for down := up - 1; down >= 0; down-- {
				i = i<<6 + bits.TrailingZeros64(b.levels[down][i])
			}
			return i
		}
		i = i>>6 + 1
	}
	return -1
}
