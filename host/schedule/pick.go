package schedule

import (
	"math"
	"slices"
	"strings"
	"time"
)

// Query says what is looked for.
type Query struct {
	// Providers that may serve it, in order of preference, without repeats.
	Providers []string
	// Model is the seat that a member must have.
	Model string
	// Now decides which blocks are over.
	Now time.Time
	// Pin restricts the query to one member.
	Pin string
	// Order is how members take turns.
	Order Order
	// Socket prefers members that speak websocket, within a priority; it counts
	// for one provider without a pin only.
	Socket bool
	// Round is the further round of a request that it is for, 0 for its first one;
	// Rounds is how many a member takes part in that does not say.
	Round, Rounds int
	// ProbeInterval is the least time between two probes of one model.
	ProbeInterval time.Duration
}

// Picked is what a pick takes. Whoever has it owes a Release. The zero value is
// nothing.
type Picked[V any] struct {
	Value V
	// Probe says that the member is being tried out: nobody else gets it for the
	// model until the next Put or Set, which is owed too.
	Probe bool
	m     *member[V]
}

// Pick takes a member that is ready and not tried, of the highest priority that
// has one, and adds it to tried. It reports false when there is none; then no
// cursor has moved.
//
// Within a priority Query.Order says whose turn it is. Among several providers
// each owns as many turns as it has ready members, or in the weighted order the
// sum of their weights, in the order of the query; fill first takes the first
// provider that has one. spec: core.md 4 and 5.
func (x *Index[V]) Pick(q Query, tried *Tried[V]) (Picked[V], bool) {
	now := q.Now.UnixNano()
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.unsyncedTurn(&q, now, tried)
	s := t.seat
	if s == nil {
		return Picked[V]{}, false
	}
	x.unsyncedPassed(&q, t)
	tried.add(s.owner)
	probe := s.place == half
	if probe {
		s.begin(now, q.ProbeInterval)
	}
	return s.take(probe), true
}

// turn is a choice, and what several providers move for it.
type turn[V any] struct {
	choice[V]
	lane *lane[V] // nil when no cursor of it moves
	// mixed is whose turn it is after it, 0 when the query has one provider, and
	// cursor where that is noted; nil when that is to be made.
	mixed  int
	cursor *mixedCursor
}

// unsyncedTurn finds what a pick takes, and moves no cursor.
func (x *Index[V]) unsyncedTurn(q *Query, now int64, tried *Tried[V]) turn[V] {
	switch {
	case q.Pin != "":
		return turn[V]{choice: choice[V]{seat: x.unsyncedPinned(q, now, tried)}}
	case len(q.Providers) == 1:
		return x.unsyncedSingle(q, now, tried)
	}
	return x.unsyncedMixed(q, now, tried)
}

func (x *Index[V]) unsyncedPassed(q *Query, t turn[V]) {
	if t.lane == nil {
		return
	}
	t.lane.passed(t.choice)
	if t.mixed > 0 {
		if t.cursor == nil {
			t.cursor = x.mixed.add()
		}
		x.mixed.use(t.cursor)
		t.cursor.turn = t.mixed
	}
}

func (x *Index[V]) unsyncedPinned(q *Query, now int64, tried *Tried[V]) *seat[V] {
	m := x.members[q.Pin]
	if m == nil || m.full || tried.has(m) || !slices.Contains(q.Providers, m.provider) {
		return nil
	}
	s := m.seat(q.Model)
	if f := (filter{again: q.Round, rounds: q.Rounds}); s == nil || !f.wants(m.class, 0) {
		return nil
	}
	if s.place == waiting && s.due <= now {
		s.lane.move(s, State{Probe: s.probe})
	}
	if s.place == ready || s.place == half && s.lane.pace.allows(now, q.ProbeInterval) {
		return s
	}
	return nil
}

// unsyncedFilter is what a query looks at. A model without lanes has no pace, and
// nothing to probe.
func (x *Index[V]) unsyncedFilter(q *Query, now int64) filter {
	p := x.paces[q.Model]
	return filter{probes: p != nil && p.allows(now, q.ProbeInterval), weighted: q.Order == Weighted, again: q.Round, rounds: q.Rounds}
}

func (x *Index[V]) unsyncedSingle(q *Query, now int64, tried *Tried[V]) turn[V] {
	sh := x.shelves[shelfKey{q.Providers[0], q.Model}]
	if sh == nil {
		return turn[V]{}
	}
	f := x.unsyncedFilter(q, now)
	for _, l := range sh.lanes {
		if l.awake(now, tried, f) {
			return l.turn(x, q, tried, f, q.Socket)
		}
	}
	return turn[V]{}
}

// turn is choose as a turn.
func (l *lane[V]) turn(x *Index[V], q *Query, tried *Tried[V], f filter, socket bool) turn[V] {
	l.begin(x.random)
	t := turn[V]{choice: l.choose(q.Order, socket, tried, f)}
	if q.Order != FillFirst {
		t.lane = l
	}
	return t
}

func (x *Index[V]) unsyncedMixed(q *Query, now int64, tried *Tried[V]) turn[V] {
	var few [8]bid[V]
	bids := few[:0]
	for _, p := range q.Providers {
		if sh := x.shelves[shelfKey{p, q.Model}]; sh != nil {
			bids = append(bids, bid[V]{shelf: sh})
		}
	}
	f := x.unsyncedFilter(q, now)
	below := math.MaxInt
	for first := true; ; first = false {
		priority, found := best(bids, below, first)
		if !found {
			return turn[V]{}
		}
		total := 0
		for i := range bids {
			total += bids[i].make(priority, now, tried, f)
		}
		if total > 0 {
			return x.unsyncedAmong(q, bids, total, tried, f)
		}
		below = priority
	}
}

// bid is how much one provider of several has to offer.
type bid[V any] struct {
	shelf *shelf[V]
	lane  *lane[V] // of the priority in question; nil when there is none
	n     int      // as eligible counts
}

// make works out the bid for a priority.
func (b *bid[V]) make(priority int, now int64, tried *Tried[V], f filter) int {
	b.lane, b.n = nil, 0
	for _, l := range b.shelf.lanes {
		if l.priority == priority {
			if b.lane = l; l.awake(now, tried, f) {
				b.n = l.eligible(tried, f)
			}
			break
		}
	}
	return b.n
}

// unsyncedAmong gives the pick to the provider whose turn it is. There is at
// least one eligible seat.
func (x *Index[V]) unsyncedAmong(q *Query, bids []bid[V], total int, tried *Tried[V], f filter) turn[V] {
	at := 0
	var cur *mixedCursor
	if q.Order != FillFirst {
		if cur = x.mixed.find(q.Providers, q.Model); cur != nil {
			at = cur.turn % total
		}
	}
	skip := at
	for _, b := range bids {
		if skip >= b.n {
			skip -= b.n
			continue
		}
		t := b.lane.turn(x, q, tried, f, false)
		t.mixed, t.cursor = at+1, cur
		return t
	}
	return turn[V]{}
}

// best returns the highest priority below a bound that any bidder has; first
// lifts the bound.
func best[V any](bids []bid[V], below int, first bool) (best int, found bool) {
	for _, b := range bids {
		for _, l := range b.shelf.lanes {
			if first || l.priority < below {
				if !found || l.priority > best {
					best, found = l.priority, true
				}
				break
			}
		}
	}
	return best, found
}

// Candidate is a member that Candidates found.
type Candidate[V any] struct {
	ID    string
	Value V
	// Probe: it is there for a single request; see Index.Claim.
	Probe bool
	// Busy: it is being tried out, or may not be tried yet, or is full.
	Busy bool
	m    *member[V]
}

// Candidates returns the members that have a seat for the query, are not
// switched off and not tried, blocked or not, sorted by id. It is for selectors
// that want to see the whole slice, and costs a look at each and a sort.
func (x *Index[V]) Candidates(q Query, tried *Tried[V]) []Candidate[V] {
	now := q.Now.UnixNano()
	x.mu.Lock()
	var out []Candidate[V]
	x.unsyncedEach(q, func(s *seat[V]) bool {
		if s.off || tried.has(s.owner) {
			return true
		}
		c := Candidate[V]{ID: s.owner.id, Value: s.value, m: s.owner}
		switch at := s.standing(now); {
		case at == stuck || s.owner.full:
			c.Busy = true
		case at == half:
			c.Probe = s.lane.pace.allows(now, q.ProbeInterval)
			c.Busy = !c.Probe
		}
		out = append(out, c)
		return true
	})
	x.mu.Unlock()
	slices.SortFunc(out, func(a, b Candidate[V]) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Listed returns the values of the members that have a seat for the query,
// switched off or not, at most limit of them, by provider, priority and id.
func (x *Index[V]) Listed(q Query, limit int) []V {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []V
	x.unsyncedEach(q, func(s *seat[V]) bool {
		out = append(out, s.value)
		return len(out) < limit
	})
	return out
}

// Survey counts the seats of a query.
type Survey struct {
	// Total seats, tried or not, how many of them are ready, and how many are
	// switched off.
	Total, Ready, Off int
	// Quota is how many wait for a quota; Earliest is when the first block of
	// any kind ends, zero when none has an end.
	Quota    int
	Earliest time.Time
}

// Survey says how things stand for a query. It costs one look a lane,
// and what is due wakes.
func (x *Index[V]) Survey(q Query) Survey {
	x.mu.Lock()
	defer x.mu.Unlock()
	now := q.Now.UnixNano()
	var out Survey
	earliest := int64(math.MaxInt64)
	if q.Pin != "" {
		x.unsyncedEach(q, func(s *seat[V]) bool {
			out.Total++
			switch {
			case s.off:
				out.Off++
			case s.owner.full:
				// It is free again when a request of it ends; nobody knows when.
			case s.standing(now) == ready:
				out.Ready++
			case s.standing(now) == half && s.lane.pace.allows(now, q.ProbeInterval):
				out.Ready++
			case s.standing(now) == half:
				earliest = s.lane.pace.next
			case s.place == waiting:
				earliest = s.due
				if s.quota {
					out.Quota++
				}
			}
			return true
		})
	} else {
		for _, p := range q.Providers {
			sh := x.shelves[shelfKey{p, q.Model}]
			if sh == nil {
				continue
			}
			for _, l := range sh.lanes {
				for len(l.waiting) > 0 && l.waiting[0].due <= now {
					l.wake(now)
				}
				out.Total += l.row.size
				out.Off += l.noff
				out.Quota += l.nquota
				for track, n := range l.count {
					switch {
					case track&1 == 0 || n > 0 && l.pace.allows(now, q.ProbeInterval):
						out.Ready += n
					case n > 0:
						earliest = min(earliest, l.pace.next)
					}
				}
				if len(l.waiting) > 0 {
					earliest = min(earliest, l.waiting[0].due)
				}
			}
		}
	}
	if earliest != math.MaxInt64 {
		out.Earliest = time.Unix(0, earliest).UTC()
	}
	return out
}

// unsyncedEach visits the seats of a query until visit returns false.
func (x *Index[V]) unsyncedEach(q Query, visit func(*seat[V]) bool) {
	if q.Pin != "" {
		if m := x.members[q.Pin]; m != nil && slices.Contains(q.Providers, m.provider) {
			if s := m.seat(q.Model); s != nil {
				visit(s)
			}
		}
		return
	}
	for _, p := range q.Providers {
		sh := x.shelves[shelfKey{p, q.Model}]
		if sh == nil {
			continue
		}
		for _, l := range sh.lanes {
			for _, b := range l.row.blocks {
				for _, s := range b.items {
					if !visit(s) {
						return
					}
				}
			}
		}
	}
}
