package schedule

import (
	"math/bits"
	"slices"
	"sort"
)

// blockSize bounds what an insertion moves. A power of two, so that positions
// are shifts and masks.
const (
	blockSize  = 256
	blockWords = blockSize / 64
)

// item is what a row holds: it has a key and remembers where it stands.
type item[T any] interface {
	comparable
	key() string
	spot() *spot[T]
}

// spot is where an item stands in a row; no block means nowhere.
type spot[T any] struct {
	block *block[T]
	at    int
}

// row is a sequence of items sorted by key, each of which may be in any number
// of tracks. The next item of a track after a position is found in constant
// time; an item comes or goes at the cost of one block, not of the row, so that
// nothing is ever put off to a pick.
//
// A position is block times blockSize plus place in the block: positions are in
// the order of the items, with gaps, and hold until the next insert or remove.
type row[T item[T]] struct {
	blocks []*block[T]
	tops   []bitmap // by track: the blocks that have an item in it
	size   int
}

type block[T any] struct {
	index int // in row.blocks
	items []T
	bits  []words // by track
}

type words [blockWords]uint64

// at returns the item at a position that next or of has returned.
func (r *row[T]) at(p int) T { return r.blocks[p/blockSize].items[p%blockSize] }

// of returns the position of an item that is in the row.
func (r *row[T]) of(it T) int {
	s := it.spot()
	return s.block.index*blockSize + s.at
}

// next returns the first position at or after from of an item in a track, -1
// when there is none.
func (r *row[T]) next(track, from int) int {
	if track >= len(r.tops) {
		return -1
	}
	b := from / blockSize
	if b >= len(r.blocks) {
		return -1
	}
	if i := r.blocks[b].bits[track].next(from % blockSize); i >= 0 {
		return b*blockSize + i
	}
	if b = r.tops[track].next(b + 1); b < 0 {
		return -1
	}
	return b*blockSize + r.blocks[b].bits[track].next(0)
}

// from returns the position of the first item whose key is greater than a key,
// or also equal if incl is set.
func (r *row[T]) from(key string, incl bool) int {
	beyond := func(it T) bool { return it.key() > key || incl && it.key() == key }
	b := sort.Search(len(r.blocks), func(i int) bool { return beyond(r.blocks[i].items[0]) }) - 1
	if b < 0 {
		return 0
	}
	items := r.blocks[b].items
	i := sort.Search(len(items), func(i int) bool { return beyond(items[i]) })
	if i == len(items) {
		return (b + 1) * blockSize
	}
	return b*blockSize + i
}

// nth returns the position of the item that n others stand before.
func (r *row[T]) nth(n int) int {
	for b, block := range r.blocks {
		if n < len(block.items) {
			return b*blockSize + n
		}
		n -= len(block.items)
	}
	return 0
}

// insert adds an item, in no track, behind those of the same key.
func (r *row[T]) insert(it T) {
	r.size++
	key := it.key()
	b := sort.Search(len(r.blocks), func(i int) bool { return r.blocks[i].items[0].key() > key }) - 1
	if b < 0 {
		if len(r.blocks) == 0 {
			r.grow(0, nil)
		}
		b = 0
	}
	to := r.blocks[b]
	i := sort.Search(len(to.items), func(i int) bool { return to.items[i].key() > key })
	if len(to.items) == blockSize {
		to, i = r.split(to, i)
	}
	to.items = slices.Insert(to.items, i, it)
	for t := range to.bits {
		to.bits[t].insert(i)
	}
	r.number(to, i)
}

// split makes room in a full block and returns where an item goes that was to
// be put at i. Rows that are filled in order keep full blocks.
func (r *row[T]) split(full *block[T], i int) (*block[T], int) {
	half := blockSize / 2
	if i == blockSize && full.index == len(r.blocks)-1 {
		half = blockSize
	}
	right := r.grow(full.index+1, full.items[half:])
	for t := range full.bits {
		for j := range right.items {
			if full.bits[t].has(half + j) {
				right.bits[t].set(j)
				full.bits[t].clear(half + j)
			}
		}
	}
	clear(full.items[half:])
	full.items = full.items[:half]
	r.number(right, 0)
	r.retop()
	if i > half || half == blockSize {
		return right, i - half
	}
	return full, i
}

// grow adds a block with some items at an index.
func (r *row[T]) grow(index int, items []T) *block[T] {
	b := &block[T]{items: slices.Clone(items), bits: make([]words, len(r.tops))}
	r.blocks = slices.Insert(r.blocks, index, b)
	r.renumber(index)
	r.retop()
	return b
}

func (r *row[T]) renumber(index int) {
	for i := index; i < len(r.blocks); i++ {
		r.blocks[i].index = i
	}
}

// retop builds the summaries anew after blocks came or went.
func (r *row[T]) retop() {
	for t := range r.tops {
		r.tops[t] = newBitmap(len(r.blocks))
		for i, b := range r.blocks {
			if b.bits[t] != (words{}) {
				r.tops[t].set(i)
			}
		}
	}
}

// remove takes out an item that is in no track.
func (r *row[T]) remove(it T) {
	s := it.spot()
	b := s.block
	r.size--
	b.items = slices.Delete(b.items, s.at, s.at+1)
	for t := range b.bits {
		b.bits[t].remove(s.at)
	}
	r.number(b, s.at)
	*s = spot[T]{}
	if len(b.items) > 0 {
		return
	}
	r.blocks = slices.Delete(r.blocks, b.index, b.index+1)
	r.renumber(b.index)
	r.retop()
}

// replace puts an item where another of the same key stands, with its tracks.
func (r *row[T]) replace(old, it T) {
	s := old.spot()
	s.block.items[s.at] = it
	*it.spot() = *s
	*s = spot[T]{}
}

// set puts an item into a track.
func (r *row[T]) set(it T, track int) {
	for len(r.tops) <= track {
		r.tops = append(r.tops, newBitmap(len(r.blocks)))
		for _, b := range r.blocks {
			b.bits = append(b.bits, words{})
		}
	}
	s := it.spot()
	s.block.bits[track].set(s.at)
	r.tops[track].set(s.block.index)
}

// clear takes an item out of a track.
func (r *row[T]) clear(it T, track int) {
	s := it.spot()
	s.block.bits[track].clear(s.at)
	if s.block.bits[track] == (words{}) {
		r.tops[track].clear(s.block.index)
	}
}

// number tells the items of a block from i on where they stand.
func (r *row[T]) number(b *block[T], i int) {
	for ; i < len(b.items); i++ {
		*b.items[i].spot() = spot[T]{b, i}
	}
}

func (w *words) has(i int) bool { return w[i>>6]>>(i&63)&1 == 1 }
func (w *words) set(i int)      { w[i>>6] |= 1 << (i & 63) }
func (w *words) clear(i int)    { w[i>>6] &^= 1 << (i & 63) }

// next returns the first bit at or after i, -1 when there is none.
func (w *words) next(i int) int {
	k := i >> 6
	rest := w[k] >> (i & 63) << (i & 63)
	for rest == 0 {
		if k++; k == blockWords {
			return -1
		}
		rest = w[k]
	}
	return k<<6 + bits.TrailingZeros64(rest)
}

// insert moves the bits from i on up by one; bit i is 0 then.
func (w *words) insert(i int) {
	for k := blockWords - 1; k > i>>6; k-- {
		w[k] = w[k]<<1 | w[k-1]>>63
	}
	k, low := i>>6, uint64(1)<<(i&63)-1
	w[k] = w[k]&low | w[k]&^low<<1
}

// remove takes bit i out and moves those above it down by one.
func (w *words) remove(i int) {
	k, low := i>>6, uint64(1)<<(i&63)-1
	w[k] = w[k]&low | w[k]>>1&^low
	for ; k < blockWords-1; k++ {
		w[k] |= w[k+1] << 63
		w[k+1] >>= 1
	}
}
