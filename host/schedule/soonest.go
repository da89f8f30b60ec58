package schedule

import "time"

// Soonest appends to out members that a query could have soon, as far as its
// capacity goes, half of it for each kind: those that are ready, from where the
// turns stand, and those whose block ends no later than by, the soonest first.
// busy reports that there are also members of which nobody knows when they are
// free: full, or being tried out.
//
// It looks at no more than it returns, and so costs the same however many
// members there are; with more of a kind than there is room for, the others are
// left out.
func (x *Index[V]) Soonest(q Query, by time.Time, out []V) (soon []V, busy bool) {
	now := q.Now.UnixNano()
	x.mu.Lock()
	defer x.mu.Unlock()
	if q.Pin != "" {
		x.unsyncedEach(q, func(s *seat[V]) bool {
			if !s.off {
				out = append(out, s.value)
			}
			return false
		})
		return out, false
	}
	f := x.unsyncedFilter(&q, now)
	room := cap(out) - len(out)
	var lines line[V]
	for _, p := range q.Providers {
		sh := x.shelves[shelfKey{p, q.Model}]
		if sh == nil {
			continue
		}
		for _, l := range sh.lanes {
			busy = busy || l.busy(f)
			out = l.ready(out, room/2, f)
			if len(l.waiting) > 0 {
				lines = append(lines, next[V]{l, 0})
			}
		}
	}
	for n := 0; n < room/2 && len(lines) > 0 && len(out) < cap(out); n++ {
		s := lines.pop()
		if s.due > by.UnixNano() {
			break
		}
		if f.wants(s.lane.classes[s.class], 0) {
			out = append(out, s.value)
		}
	}
	return out, busy
}

// ready appends seats that a filter wants, until there are so many.
func (l *lane[V]) ready(out []V, most int, f filter) []V {
	start := l.cur.position(&l.row)
	for _, part := range [2][2]int{{start, -1}, {0, start}} {
		for from := part[0]; len(out) < most; {
			p := first(l, &l.row, l.count, from, f)
			if p < 0 || part[1] >= 0 && p >= part[1] {
				break
			}
			out = append(out, l.row.at(p).value)
			from = p + 1
		}
	}
	return out
}

// busy reports whether a seat is neither to be had nor waiting for a known time.
func (l *lane[V]) busy(f filter) bool {
	n := l.row.size - l.noff - len(l.waiting)
	for t, shown := range l.count {
		early := t&1 == 1 && !f.probes && f.wants(l.classes[t/2], t-1) // the model's next probe is not due
		if !early {
			n -= shown
		}
	}
	return n > 0
}

// line holds the next waiting seats of some heaps: whatever it does not hold
// waits at least as long as one that it does.
type line[V any] []next[V]

type next[V any] struct {
	lane *lane[V]
	at   int // in lane.waiting
}

// pop takes out the seat that waits the shortest, and lets those in that stand
// behind it.
func (w *line[V]) pop() *seat[V] {
	best := 0
	for i, n := range *w {
		if n.lane.waiting[n.at].due < (*w)[best].lane.waiting[(*w)[best].at].due {
			best = i
		}
	}
	n := (*w)[best]
	last := len(*w) - 1
	(*w)[best] = (*w)[last]
	*w = (*w)[:last]
	for _, child := range [2]int{2*n.at + 1, 2*n.at + 2} {
		if child < len(n.lane.waiting) {
			*w = append(*w, next[V]{n.lane, child})
		}
	}
	return n.lane.waiting[n.at]
}
