package schedule

// maxMixedCursors bounds the cursors over several providers: the sets of
// providers come from requests, so their number is not ours to bound.
const maxMixedCursors = 4096

// mixedCursors holds whose turn it is, by the providers of a query and its
// model. When it is full the least recently used one makes room.
type mixedCursors struct {
	byKey map[string]*mixedCursor
	clock uint64
	buf   []byte // scratch for the key, so that finding one allocates nothing
}

type mixedCursor struct {
	turn int
	used uint64
}

// key writes the key into buf.
func (c *mixedCursors) key(providers []string, model string) {
	c.buf = c.buf[:0]
	for _, p := range providers {
		c.buf = append(append(c.buf, p...), 0)
	}
	c.buf = append(c.buf, model...)
}

// find returns the cursor of some providers, nil when there is none yet; it makes
// and moves nothing. What add makes next is the cursor of these.
func (c *mixedCursors) find(providers []string, model string) *mixedCursor {
	c.key(providers, model)
	return c.byKey[string(c.buf)]
}

// use notes that a cursor is in use.
func (c *mixedCursors) use(cur *mixedCursor) {
	c.clock++
	cur.used = c.clock
}

// add makes the cursor that find found missing.
func (c *mixedCursors) add() *mixedCursor {
	if len(c.byKey) >= maxMixedCursors {
		c.evict()
	}
	if c.byKey == nil {
		c.byKey = map[string]*mixedCursor{}
	}
	cur := &mixedCursor{}
	c.byKey[string(c.buf)] = cur
	return cur
}

func (c *mixedCursors) evict() {
	var oldest string
	used := c.clock + 1
	for key, cur := range c.byKey {
		if cur.used < used {
			oldest, used = key, cur.used
		}
	}
	delete(c.byKey, oldest)
}
