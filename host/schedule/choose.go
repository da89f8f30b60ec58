package schedule

// Order is how members of one priority take turns.
type Order uint8

const (
	// RoundRobin takes the id after the last picked one. When all that can be
	// picked belong to two or more groups, groups take turns, and the members of
	// each within it.
	RoundRobin Order = iota
	// FillFirst takes the lowest id.
	FillFirst
	// Weighted is round robin in which each member has as many turns as its
	// weight, spread evenly.
	Weighted
)

// filter says which tracks of a lane a pick looks at.
type filter struct {
	probes   bool // half-open seats too
	socket   bool // only those that speak websocket
	weighted bool // a seat counts as often as its weight
	round    int  // only those that have a turn in this round; 0 means all
	// again is the further round of a request that it is for, 0 for the first one,
	// and rounds how many there are for those that do not say.
	again, rounds int
}

func (f filter) wants(c class, track int) bool {
	return (f.probes || track&1 == 0) && (c.socket || !f.socket) && (f.round == 0 || turnIn(int(c.weight), f.round)) &&
		(f.again == 0 || f.allows(c))
}

// allows reports whether the class takes part in the round.
func (f filter) allows(c class) bool {
	if c.rounds >= 0 {
		return int(c.rounds) >= f.again
	}
	return f.rounds >= f.again
}

func (f filter) worth(c class) int {
	if f.weighted {
		return int(c.weight)
	}
	return 1
}

// choice is what a pick takes, and where the cursors stand after it.
type choice[V any] struct {
	seat  *seat[V]
	team  *team[V] // whose turn it was; nil when teams take none
	round int
}

// choose returns the seat whose turn it is; none when all are tried or blocked.
func (l *lane[V]) choose(o Order, socket bool, tried *Tried[V], f filter) (c choice[V]) {
	if socket {
		able := f
		able.socket = true
		if l.has(l.count, tried, able, false) {
			f = able
		}
	}
	switch o {
	case FillFirst:
		c.seat = l.find(0, -1, tried, f)
	case Weighted:
		c.seat, c.round = l.weighted(tried, f)
	default:
		if c.team = l.nextTeam(tried, f); c.team != nil {
			c.seat = l.nextMate(c.team, tried, f)
			return c
		}
		from := l.cur.position(&l.row)
		if c.seat = l.find(from, -1, tried, f); c.seat == nil {
			c.seat = l.find(0, from, tried, f)
		}
	}
	return c
}

// passed moves the cursors behind a choice.
func (l *lane[V]) passed(c choice[V]) {
	if c.team != nil {
		l.teamCur.pass(c.team)
		c.team.cur.pass(c.seat.mate)
		return
	}
	l.cur.pass(c.seat)
	if c.round > 0 {
		l.round = c.round
	}
}

// find returns the first untried seat from a position to before another; -1
// means to the end.
func (l *lane[V]) find(from, to int, tried *Tried[V], f filter) *seat[V] {
	for {
		p := first(l, &l.row, l.count, from, f)
		if p < 0 || to >= 0 && p >= to {
			return nil
		}
		if s := l.row.at(p); !tried.has(s.owner) {
			return s
		}
		from = p + 1
	}
}

// first returns the first position at or after from in any of the tracks that a
// filter wants; -1 when there is none. It looks once at each track that has
// somebody: at most two a class, of which there are as many as different weights.
func first[V any, T item[T]](l *lane[V], r *row[T], counts []int, from int, f filter) int {
	best := -1
	for t, n := range counts {
		if n == 0 || !f.wants(l.classes[t/2], t) {
			continue
		}
		if p := r.next(t, from); p >= 0 && (best < 0 || p < best) {
			best = p
		}
	}
	return best
}

// nextTeam returns the team whose turn it is, nil when teams take none: somebody
// who can be picked has no team, or there are not two.
func (l *lane[V]) nextTeam(tried *Tried[V], f filter) *team[V] {
	if l.teams.size < 2 || l.has(l.loose, tried, f, true) {
		return nil
	}
	from := l.teamCur.position(&l.teams)
	next := l.findTeam(from, tried, f)
	if next == nil {
		next = l.findTeam(0, tried, f)
	}
	if next == nil {
		return nil
	}
	after := l.teams.of(next) + 1
	other := l.findTeam(after, tried, f)
	if other == nil {
		other = l.findTeam(0, tried, f)
	}
	if other == next {
		return nil
	}
	return next
}

// findTeam returns the first team from a position on that has somebody who can be
// picked and is not tried.
func (l *lane[V]) findTeam(from int, tried *Tried[V], f filter) *team[V] {
	for {
		p := first(l, &l.teams, l.count, from, f)
		if p < 0 {
			return nil
		}
		t := l.teams.at(p)
		if l.findMate(t, 0, -1, tried, f) != nil {
			return t
		}
		from = p + 1
	}
}

func (l *lane[V]) nextMate(t *team[V], tried *Tried[V], f filter) *seat[V] {
	from := t.cur.position(&t.row)
	if s := l.findMate(t, from, -1, tried, f); s != nil {
		return s
	}
	return l.findMate(t, 0, from, tried, f)
}

func (l *lane[V]) findMate(t *team[V], from, to int, tried *Tried[V], f filter) *seat[V] {
	for {
		p := first(l, &t.row, t.count, from, f)
		if p < 0 || to >= 0 && p >= to {
			return nil
		}
		if s := t.row.at(p).seat; !tried.has(s.owner) {
			return s
		}
		from = p + 1
	}
}

// eligible returns how many seats a filter wants that can be picked and are not
// tried; in the weighted order, the sum of their weights.
func (l *lane[V]) eligible(tried *Tried[V], f filter) int {
	n := l.wanted(l.count, f)
	if n == 0 || tried == nil {
		return n
	}
	return n - l.triedOf(tried, f, false)
}

// has reports whether a seat is eligible among some counts; loose says that they
// are of seats without a team. Who has tried fewer than there are seats costs no
// look at what was tried.
func (l *lane[V]) has(counts []int, tried *Tried[V], f filter, loose bool) bool {
	f.weighted = false
	n := l.wanted(counts, f)
	return n > tried.Len() || n > 0 && n > l.triedOf(tried, f, loose)
}

// wanted is eligible among some counts when nothing was tried.
func (l *lane[V]) wanted(counts []int, f filter) (n int) {
	for t, c := range counts {
		if c > 0 && f.wants(l.classes[t/2], t) {
			n += c * f.worth(l.classes[t/2])
		}
	}
	return n
}

// triedOf is how much of wanted was tried.
func (l *lane[V]) triedOf(tried *Tried[V], f filter, loose bool) (n int) {
	for _, m := range tried.few[:tried.n] {
		n += l.counted(m, f, loose)
	}
	for m := range tried.many {
		n += l.counted(m, f, loose)
	}
	return n
}

// counted is what one member counts for in triedOf.
func (l *lane[V]) counted(m *member[V], f filter, loose bool) int {
	s := m.seat(l.model)
	if s == nil || s.lane != l || !s.shown || loose && s.mate != nil {
		return 0
	}
	c := l.classes[s.class]
	if !f.wants(c, s.track()) {
		return 0
	}
	return f.worth(c)
}

// begin puts the cursor of teams before any one of them, the first time that
// there is a choice.
func (l *lane[V]) begin(random func(n int) int) {
	if l.teamCur.set || l.teams.size < 2 {
		return
	}
	t := l.teams.at(l.teams.nth(random(l.teams.size)))
	l.teamCur = cursor[*team[V]]{key: t.name, set: true, incl: true}
}
