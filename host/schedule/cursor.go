package schedule

// cursor says behind which item of a row the last pick was. It remembers the
// key, so that nobody is passed over, or served twice, when items come or go.
// The zero value stands before all.
type cursor[T item[T]] struct {
	last T // the zero value when it is not in the row any more
	key  string
	set  bool
	// incl: the item with the key has not been picked either.
	incl bool
}

// position is where the search for the next item begins.
func (c *cursor[T]) position(r *row[T]) int {
	var none T
	switch {
	case !c.set:
		return 0
	case c.last != none:
		return r.of(c.last) + 1
	}
	return r.from(c.key, c.incl)
}

func (c *cursor[T]) pass(it T) { *c = cursor[T]{last: it, key: it.key(), set: true} }

// drop says that an item leaves the row, and what takes its place, if anything.
func (c *cursor[T]) drop(old, it T) {
	if c.last == old {
		c.last = it
	}
}
