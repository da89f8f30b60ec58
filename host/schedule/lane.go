package schedule

import (
	"container/heap"
	"slices"
	"sort"
	"strings"
)

// place is where a seat stands in its lane.
type place uint8

const (
	ready   place = iota // its bit is set
	waiting              // blocked until due; in the lane's heap
	half                 // a single pick may take it; its bit in half is set
	stuck                // blocked with no time known, or taken by a probe
	gone                 // removed; the lane drops it when it next settles
)

// promoteBatch bounds how many due seats one pick wakes, so that a hundred
// thousand deadlines that fall together cost no single pick its time. The
// picks that follow wake the rest.
const promoteBatch = 256

// seat is one member in one lane.
type seat[V any] struct {
	owner *member[V]
	lane  *lane[V]
	value V     // the owner's, here so that a pick need not go there
	due   int64 // Unix nanoseconds; meaningful while waiting
	pos   int32 // in lane.seats; -1 until the lane has placed it
	at    int32 // in lane.waiting; -1 while not in it
	place place
	quota bool
	off   bool
	probe bool // when its block ends, it is half
}

// lane holds the seats of one provider, model and priority, sorted by id.
type lane[V any] struct {
	model    string
	priority int
	pace     *pace // shared by all lanes of the model

	seats   []*seat[V]
	arrived []*seat[V] // not placed yet
	dirty   bool       // seats came or went since the last settle
	bits    bitmap     // the ready seats, by position
	half    bitmap     // the half-open seats, by position; empty while there are none
	waiting dueHeap[V]

	total  int // seats that are not gone
	nready int
	nhalf  int
	nquota int // seats that wait because of a quota
	noff   int // seats that are switched off

	cursor int
	last   *member[V] // the last pick: where the cursor stands after a settle
}

func (l *lane[V]) add(s *seat[V], st State) {
	s.lane, s.pos, s.at, s.place = l, -1, -1, gone
	l.total++
	l.arrived = append(l.arrived, s)
	l.dirty = true
	l.move(s, st)
}

// replace puts a new seat of the same id where the old one was.
func (l *lane[V]) replace(old, s *seat[V], st State) {
	l.take(old)
	s.lane, s.pos, s.at, s.place = l, old.pos, -1, gone
	l.seats[s.pos] = s
	l.move(s, st)
}

func (l *lane[V]) remove(s *seat[V]) {
	l.take(s)
	l.total--
	l.dirty = true
}

// take clears what s counts for and leaves it gone.
func (l *lane[V]) take(s *seat[V]) {
	switch s.place {
	case ready:
		l.nready--
		if s.pos >= 0 && !l.dirty {
			l.bits.clear(int(s.pos))
		}
	case half:
		l.nhalf--
		if s.pos >= 0 && !l.dirty {
			l.half.clear(int(s.pos))
		}
	case waiting:
		heap.Remove(&l.waiting, int(s.at))
	}
	if s.quota {
		l.nquota--
	}
	if s.off {
		l.noff--
	}
	s.place, s.quota, s.off, s.probe = gone, false, false, false
}

// move changes the state of a seat.
func (l *lane[V]) move(s *seat[V], st State) {
	l.take(s)
	switch {
	case st.Off:
		s.place, s.off = stuck, true
		l.noff++
	case !st.Blocked && st.Probe:
		s.place = half
		l.nhalf++
		if s.pos >= 0 && !l.dirty {
			if len(l.half.levels) == 0 {
				l.half = newBitmap(len(l.seats))
			}
			l.half.set(int(s.pos))
		}
	case !st.Blocked:
		s.place = ready
		l.nready++
		if s.pos >= 0 && !l.dirty {
			l.bits.set(int(s.pos))
		}
	case st.Until.IsZero():
		s.place = stuck
	default:
		s.place, s.due, s.probe = waiting, st.Until.UnixNano(), st.Probe
		heap.Push(&l.waiting, s)
		if st.Quota {
			s.quota = true
			l.nquota++
		}
	}
}

// settle gives every seat its position after seats came or went. It costs one
// pass over the lane, whatever the number of changes, and is put off to the
// next pick, so that a bulk of changes costs one pass in all. The cursor stays
// behind the last picked id.
func (l *lane[V]) settle() {
	if !l.dirty {
		return
	}
	slices.SortFunc(l.arrived, func(a, b *seat[V]) int { return strings.Compare(a.owner.id, b.owner.id) })
	merged := make([]*seat[V], 0, l.total)
	fresh := l.arrived
	for _, s := range l.seats {
		for len(fresh) > 0 && fresh[0].owner.id < s.owner.id {
			merged, fresh = keep(merged, fresh[0]), fresh[1:]
		}
		merged = keep(merged, s)
	}
	for _, s := range fresh {
		merged = keep(merged, s)
	}
	l.seats, l.arrived, l.dirty = merged, nil, false
	l.bits, l.half = newBitmap(len(merged)), bitmap{}
	if l.nhalf > 0 {
		l.half = newBitmap(len(merged))
	}
	for i, s := range merged {
		s.pos = int32(i)
		switch s.place {
		case ready:
			l.bits.set(i)
		case half:
			l.half.set(i)
		}
	}
	l.cursor = 0
	if l.last != nil {
		l.cursor = sort.Search(len(merged), func(i int) bool { return merged[i].owner.id > l.last.id })
	}
}

func keep[V any](list []*seat[V], s *seat[V]) []*seat[V] {
	if s.place == gone {
		return list
	}
	return append(list, s)
}

// wake makes the seats ready whose time has come, at most a batch of them.
func (l *lane[V]) wake(now int64) {
	for n := 0; n < promoteBatch && len(l.waiting) > 0 && l.waiting[0].due <= now; n++ {
		l.move(l.waiting[0], State{Probe: l.waiting[0].probe})
	}
}

// awake settles the lane and wakes until a seat is eligible or nothing more is
// due; it returns how many are. probes says whether half-open ones are.
func (l *lane[V]) awake(now int64, tried *Tried[V], probes bool) int {
	l.settle()
	for {
		l.wake(now)
		if n := l.eligible(tried, probes); n > 0 || len(l.waiting) == 0 || l.waiting[0].due > now {
			return n
		}
	}
}

// find returns the eligible seat after the cursor, or the first one when first
// is set, that is not tried; nil when there is none. The lane must be settled.
func (l *lane[V]) find(first bool, tried *Tried[V], probes bool) *seat[V] {
	if l.nready == 0 && (l.nhalf == 0 || !probes) {
		return nil
	}
	from := l.cursor
	if first {
		from = 0
	}
	for p := l.next(from, probes); p >= 0; p = l.next(p+1, probes) {
		if s := l.seats[p]; !tried.has(s.owner) {
			return s
		}
	}
	for p := l.next(0, probes); p >= 0 && p < from; p = l.next(p+1, probes) {
		if s := l.seats[p]; !tried.has(s.owner) {
			return s
		}
	}
	return nil
}

// next returns the first eligible position at or after i, -1 when there is none.
func (l *lane[V]) next(i int, probes bool) int {
	p := l.bits.next(i)
	if !probes || l.nhalf == 0 {
		return p
	}
	if h := l.half.next(i); p < 0 || h >= 0 && h < p {
		return h
	}
	return p
}

// passed puts the cursor behind s.
func (l *lane[V]) passed(s *seat[V]) {
	l.cursor, l.last = int(s.pos)+1, s.owner
}

// eligible returns how many seats are ready, or half-open while probes may
// begin, and untried.
func (l *lane[V]) eligible(tried *Tried[V], probes bool) int {
	n := l.nready
	if probes {
		n += l.nhalf
	}
	tried.each(func(m *member[V]) {
		if s := m.seat(l.model); s != nil && s.lane == l && (s.place == ready || s.place == half && probes) {
			n--
		}
	})
	return n
}

// dueHeap orders waiting seats by when they are due.
type dueHeap[V any] []*seat[V]

func (h dueHeap[V]) Len() int           { return len(h) }
func (h dueHeap[V]) Less(i, j int) bool { return h[i].due < h[j].due }
func (h dueHeap[V]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = int32(i), int32(j)
}

func (h *dueHeap[V]) Push(x any) {
	s := x.(*seat[V])
	s.at = int32(len(*h))
	*h = append(*h, s)
}

func (h *dueHeap[V]) Pop() any {
	old := *h
	s := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	s.at = -1
	return s
}
