package selector

import "container/list"

// cursors maps a key to the name that was taken last, for the limit keys used
// most recently. The zero value is ready, with maxCursors.
type cursors struct {
	limit int // 0 means maxCursors
	byKey map[string]*list.Element
	// used has the most recent first.
	used list.List
}

type cursor struct{ key, last string }

func (c *cursors) get(key string) (string, bool) {
	e, ok := c.byKey[key]
	if !ok {
		return "", false
	}
	c.used.MoveToFront(e)
	return e.Value.(*cursor).last, true
}

func (c *cursors) set(key, last string) {
	if e, ok := c.byKey[key]; ok {
		e.Value.(*cursor).last = last
		c.used.MoveToFront(e)
		return
	}
	if c.byKey == nil {
		c.byKey = map[string]*list.Element{}
	}
	c.byKey[key] = c.used.PushFront(&cursor{key: key, last: last})
	limit := c.limit
	if limit == 0 {
		limit = maxCursors
	}
	for c.used.Len() > limit {
		oldest := c.used.Back()
		delete(c.byKey, oldest.Value.(*cursor).key)
		c.used.Remove(oldest)
	}
}
