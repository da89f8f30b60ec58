package schedule

import (
	"container/heap"
	"slices"
)

// promoteBatch bounds how many due seats one pick wakes, so that a hundred
// thousand deadlines that fall together cost no single pick its time. The
// picks that follow wake the rest.
const promoteBatch = 256

// lane holds the seats of one provider, model and priority, sorted by id.
type lane[V any] struct {
	model    string
	priority int
	pace     *pace // shared by all lanes of the model

	row     row[*seat[V]]
	classes []class
	count   []int // seats that can be picked, by track
	waiting dueHeap[V]

	nquota int // seats that wait because of a quota
	noff   int // seats that are switched off

	cur cursor[*seat[V]]
	// round is where the weighted order stands; see weight.go.
	round int

	teams   row[*team[V]]
	byName  map[string]*team[V]
	loose   []int // seats that can be picked and have no team, by track
	teamCur cursor[*team[V]]
}

// add puts a seat of a member in.
func (l *lane[V]) add(s *seat[V], st State) {
	s.lane, s.at, s.class = l, -1, l.classOf(s.owner)
	l.row.insert(s)
	if name := s.owner.group; name != "" {
		t := l.byName[name]
		if t == nil {
			t = &team[V]{name: name}
			if l.byName == nil {
				l.byName = map[string]*team[V]{}
			}
			l.byName[name] = t
			l.teams.insert(t)
		}
		s.mate = &mate[V]{seat: s, team: t}
		t.row.insert(s.mate)
	}
	l.move(s, st)
}

func (l *lane[V]) classOf(m *member[V]) uint16 {
	i := slices.Index(l.classes, m.class)
	if i < 0 {
		i = len(l.classes)
		l.classes = append(l.classes, m.class)
	}
	return uint16(i)
}

// replace puts a seat where another one of the same id, class and team is.
func (l *lane[V]) replace(old, s *seat[V], st State) {
	l.take(old)
	s.lane, s.at, s.class, s.mate = l, -1, old.class, old.mate
	l.row.replace(old, s)
	l.cur.drop(old, s)
	if s.mate != nil {
		s.mate.seat = s
	}
	l.move(s, st)
}

func (l *lane[V]) remove(s *seat[V]) {
	l.take(s)
	l.row.remove(s)
	l.cur.drop(s, nil)
	if s.mate == nil {
		return
	}
	t := s.mate.team
	t.row.remove(s.mate)
	t.cur.drop(s.mate, nil)
	if t.row.size == 0 {
		l.teams.remove(t)
		l.teamCur.drop(t, nil)
		delete(l.byName, t.name)
	}
}

// take clears what s counts for and leaves it gone.
func (l *lane[V]) take(s *seat[V]) {
	l.hide(s)
	if s.place == waiting {
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
	case !st.Blocked:
		s.place = ready
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
	l.show(s)
}

// show lets picks find a seat, if it can be picked.
func (l *lane[V]) show(s *seat[V]) {
	if s.shown || s.place != ready && s.place != half || s.owner.full {
		return
	}
	s.shown = true
	track := s.track()
	add(&l.count, track, 1)
	l.row.set(s, track)
	if s.mate == nil {
		add(&l.loose, track, 1)
		return
	}
	t := s.mate.team
	t.row.set(s.mate, track)
	if add(&t.count, track, 1) == 1 {
		l.teams.set(t, track)
	}
}

// hide lets no pick find a seat.
func (l *lane[V]) hide(s *seat[V]) {
	if !s.shown {
		return
	}
	s.shown = false
	track := s.track()
	add(&l.count, track, -1)
	l.row.clear(s, track)
	if s.mate == nil {
		add(&l.loose, track, -1)
		return
	}
	t := s.mate.team
	t.row.clear(s.mate, track)
	if add(&t.count, track, -1) == 0 {
		l.teams.clear(t, track)
	}
}

// wake makes the seats ready whose time has come, at most a batch of them.
func (l *lane[V]) wake(now int64) {
	for n := 0; n < promoteBatch && len(l.waiting) > 0 && l.waiting[0].due <= now; n++ {
		l.move(l.waiting[0], State{Probe: l.waiting[0].probe})
	}
}

// awake wakes until a seat is eligible or nothing more is due; it reports whether
// one is.
func (l *lane[V]) awake(now int64, tried *Tried[V], f filter) bool {
	for {
		l.wake(now)
		if l.has(l.count, tried, f, false) {
			return true
		}
		if len(l.waiting) == 0 || l.waiting[0].due > now {
			return false
		}
	}
}

// dueHeap has the seat on top whose block ends first.
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
