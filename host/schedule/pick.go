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
	// FillFirst takes the lowest id instead of the one after the last pick.
	FillFirst bool
	// ProbeInterval is the least time between two probes of one model.
	ProbeInterval time.Duration
}

// Pick returns the value of a member that is ready and not tried, of the
// highest priority that has one, and adds it to tried. It reports false when
// there is none; then no cursor has moved.
//
// Within a priority, round robin gives the id after the last picked one. Among
// several providers each owns as many turns as it has ready members, in the
// order of the query; fill first takes the first provider that has one.
// spec: core.md 4 and 5.
//
// probe says that the member is being tried out: nobody else gets it for the
// model until the next Put or Set, which the caller owes.
func (x *Index[V]) Pick(q Query, tried *Tried[V]) (v V, probe, ok bool) {
	now := q.Now.UnixNano()
	x.mu.Lock()
	defer x.mu.Unlock()
	var s *seat[V]
	switch {
	case q.Pin != "":
		s = x.unsyncedPinned(q, now, tried)
	case len(q.Providers) == 1:
		s = x.unsyncedSingle(q, now, tried)
	default:
		s = x.unsyncedMixed(q, now, tried)
	}
	if s == nil {
		return v, false, false
	}
	tried.add(s.owner)
	if probe = s.place == half; probe {
		s.begin(now, q.ProbeInterval)
	}
	return s.value, probe, true
}

func (x *Index[V]) unsyncedPinned(q Query, now int64, tried *Tried[V]) *seat[V] {
	m := x.members[q.Pin]
	if m == nil || tried.has(m) || !slices.Contains(q.Providers, m.provider) {
		return nil
	}
	s := m.seat(q.Model)
	if s == nil {
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

func (x *Index[V]) unsyncedSingle(q Query, now int64, tried *Tried[V]) *seat[V] {
	sh := x.shelves[shelfKey{q.Providers[0], q.Model}]
	if sh == nil {
		return nil
	}
	probes := x.paces[q.Model].allows(now, q.ProbeInterval)
	for _, l := range sh.lanes {
		if l.awake(now, tried, probes) == 0 {
			continue
		}
		s := l.find(q.FillFirst, tried, probes)
		if !q.FillFirst {
			l.passed(s)
		}
		return s
	}
	return nil
}

func (x *Index[V]) unsyncedMixed(q Query, now int64, tried *Tried[V]) *seat[V] {
	below := math.MaxInt
	// A model without lanes has no pace, and nothing to probe.
	probes := false
	if p := x.paces[q.Model]; p != nil {
		probes = p.allows(now, q.ProbeInterval)
	}
	for first := true; ; first = false {
		priority, found := x.unsyncedBest(q, below, first)
		if !found {
			return nil
		}
		total := 0
		for _, p := range q.Providers {
			if l := x.unsyncedAt(p, q.Model, priority); l != nil {
				total += l.awake(now, tried, probes)
			}
		}
		if total > 0 {
			return x.unsyncedTurn(q, priority, total, tried, probes)
		}
		below = priority
	}
}

// unsyncedTurn gives the pick to the provider whose turn it is. There is at
// least one eligible seat.
func (x *Index[V]) unsyncedTurn(q Query, priority, total int, tried *Tried[V], probes bool) *seat[V] {
	turn, cursor := 0, (*mixedCursor)(nil)
	if !q.FillFirst {
		cursor = x.mixed.of(q.Providers, q.Model)
		turn = cursor.turn % total
	}
	for _, p := range q.Providers {
		l := x.unsyncedAt(p, q.Model, priority)
		if l == nil {
			continue
		}
		n := l.eligible(tried, probes)
		if turn >= n {
			turn -= n
			continue
		}
		s := l.find(q.FillFirst, tried, probes)
		if cursor != nil {
			l.passed(s)
			cursor.turn = cursor.turn%total + 1
		}
		return s
	}
	return nil
}

// unsyncedBest returns the highest priority below a bound that any provider of
// the query has; first lifts the bound.
func (x *Index[V]) unsyncedBest(q Query, below int, first bool) (best int, found bool) {
	for _, p := range q.Providers {
		sh := x.shelves[shelfKey{p, q.Model}]
		if sh == nil {
			continue
		}
		for _, l := range sh.lanes {
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

func (x *Index[V]) unsyncedAt(provider, model string, priority int) *lane[V] {
	sh := x.shelves[shelfKey{provider, model}]
	if sh == nil {
		return nil
	}
	for _, l := range sh.lanes {
		if l.priority == priority {
			return l
		}
	}
	return nil
}

// Candidate is a member that Candidates found.
type Candidate[V any] struct {
	ID    string
	Value V
	// Probe: it is there for a single request; see Index.Probe.
	Probe bool
	// Busy: it is being tried out, or may not be tried yet.
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
		switch s.standing(now) {
		case half:
			c.Probe = s.lane.pace.allows(now, q.ProbeInterval)
			c.Busy = !c.Probe
		case stuck:
			c.Busy = true
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
				out.Total += l.total
				out.Ready += l.nready
				out.Off += l.noff
				out.Quota += l.nquota
				if l.pace.allows(now, q.ProbeInterval) {
					out.Ready += l.nhalf
				} else if l.nhalf > 0 {
					earliest = min(earliest, l.pace.next)
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
			l.settle()
			for _, s := range l.seats {
				if !visit(s) {
					return
				}
			}
		}
	}
}
