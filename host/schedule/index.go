package schedule

import (
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Member is one credential as the index sees it.
type Member[V any] struct {
	ID       string
	Provider string
	// Priority: a lower one is used only when every higher one is blocked or
	// tried.
	Priority int
	// Weight is how many turns it has in the weighted order, from 1 to 100; what
	// lies outside counts as the nearest of them.
	Weight int
	// Group is the account that it is one of several of; see RoundRobin.
	Group string
	// Socket says that it speaks websocket; see Query.Socket.
	Socket bool
	// Limit is how many picks of it may be in flight at a time; 0 means any
	// number. As long as so many are, it cannot be picked.
	Limit int
	// Rounds is how many further rounds of a request it takes part in; more
	// than 100 count as 100, and below 0 means as many as Query.Rounds.
	Rounds int
	// Seats are the models it serves, one seat a model.
	Seats []Seat
	// Value is what a pick gives back.
	Value V
}

// Seat is one model of a member and whether it may be picked for it.
type Seat struct {
	Model string
	State State
}

// State says whether a seat may be picked. The zero value means yes.
type State struct {
	// Off: it is listed and nothing more. It counts as blocked, whatever else is
	// said, and is no candidate.
	Off     bool
	Blocked bool
	// Until is when the block ends by itself; zero means only by another Put or
	// Set.
	Until time.Time
	// Quota says that a quota is the reason. A block without an end never counts
	// as one.
	Quota bool
	// Probe: when it is not blocked, or not any more, a single pick takes the
	// seat, and nobody else does until the next Put or Set.
	Probe bool
}

// Index is the index. It is safe for concurrent use; make one with New.
//
// One mutex is enough: a pick holds it for tens of nanoseconds, so even a
// million picks a second leave it idle most of the time, and one lock gives
// exact answers where lock-free lanes may miss a member that moves between
// two of them.
type Index[V any] struct {
	// mu guards everything below. Nothing foreign runs under it.
	mu      sync.Mutex
	members map[string]*member[V]
	shelves map[shelfKey]*shelf[V]
	listing map[string][]string // providers by model, sorted
	mixed   mixedCursors
	paces   map[string]*pace // by model; those that have a lane
	random  func(n int) int
}

// maxRounds bounds what Member.Rounds tells apart, and with it the classes of a
// lane; nobody asks as often.
const maxRounds = 100

type shelfKey struct{ provider, model string }

// shelf holds the lanes of one provider and model, the highest priority first.
type shelf[V any] struct {
	lanes []*lane[V]
}

type member[V any] struct {
	id       string
	provider string
	priority int
	group    string
	seats    []seat[V] // sorted by model; replaced, never grown

	// limit is 0 for none. inflight and limit are written under Index.mu, except
	// that inflight also falls without; see Release.
	limit    atomic.Int32
	inflight atomic.Int32
	class    class
	full     bool // as many are in flight as may be; its seats are hidden
}

// New returns an empty index. random(n) returns a number in [0, n), for the group
// that begins; it is called under the index's lock. Nil means always 0.
func New[V any](random func(n int) int) *Index[V] {
	if random == nil {
		random = func(int) int { return 0 }
	}
	return &Index[V]{
		members: map[string]*member[V]{},
		shelves: map[shelfKey]*shelf[V]{},
		listing: map[string][]string{},
		paces:   map[string]*pace{},
		random:  random,
	}
}

// Put adds a member, or replaces what is known of it. Seats of the same model
// are taken once, the first of them.
func (x *Index[V]) Put(m Member[V]) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.unsyncedPut(m)
}

// Replace makes members the whole content, as one step for those who pick.
func (x *Index[V]) Replace(members []Member[V]) {
	keep := make(map[string]bool, len(members))
	for _, m := range members {
		keep[m.ID] = true
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for id := range x.members {
		if !keep[id] {
			x.unsyncedRemove(id)
		}
	}
	for _, m := range members {
		x.unsyncedPut(m)
	}
}

// Remove takes a member out; an unknown id is nothing.
func (x *Index[V]) Remove(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.unsyncedRemove(id)
}

// Set changes the state of some seats of a member. Models that it does not
// serve are passed over.
func (x *Index[V]) Set(id string, seats ...Seat) {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.members[id]
	if m == nil {
		return
	}
	for _, in := range seats {
		if s := m.seat(in.Model); s != nil {
			s.lane.move(s, in.State)
		}
	}
}

func (x *Index[V]) unsyncedPut(in Member[V]) {
	m := x.members[in.ID]
	if m == nil {
		m = &member[V]{id: in.ID}
		x.members[in.ID] = m
	}
	c := class{weight: uint8(min(max(in.Weight, 1), maxWeight)), socket: in.Socket, rounds: int8(min(max(in.Rounds, -1), maxRounds))}
	stays := m.provider == in.Provider && m.priority == in.Priority && m.class == c && m.group == in.Group
	old, oldProvider := m.seats, m.provider
	m.provider, m.priority, m.class, m.group = in.Provider, in.Priority, c, in.Group
	m.limit.Store(int32(min(max(in.Limit, 0), math.MaxInt32)))

	seats := slices.Clone(in.Seats)
	slices.SortStableFunc(seats, func(a, b Seat) int { return strings.Compare(a.Model, b.Model) })
	seats = slices.CompactFunc(seats, func(a, b Seat) bool { return a.Model == b.Model })
	m.seats = make([]seat[V], len(seats))
	for i, st := range seats {
		s := &m.seats[i]
		s.owner, s.value = m, in.Value
		if was := seatIn(old, st.Model); stays && was != nil {
			was.lane.replace(was, s, st.State)
			continue
		}
		x.unsyncedLane(in.Provider, st.Model, in.Priority).add(s, st.State)
	}
	for i := range old {
		x.unsyncedDrop(oldProvider, &old[i])
	}
	m.fill()
}

func (x *Index[V]) unsyncedRemove(id string) {
	m := x.members[id]
	if m == nil {
		return
	}
	delete(x.members, id)
	for i := range m.seats {
		x.unsyncedDrop(m.provider, &m.seats[i])
	}
	m.seats = nil
}

// unsyncedDrop takes a seat out of its lane, and the lane away with its last.
func (x *Index[V]) unsyncedDrop(provider string, s *seat[V]) {
	if s.where.block == nil { // another one took its place
		return
	}
	l := s.lane
	l.remove(s)
	if l.row.size > 0 {
		return
	}
	key := shelfKey{provider, l.model}
	sh := x.shelves[key]
	sh.lanes = slices.DeleteFunc(sh.lanes, func(o *lane[V]) bool { return o == l })
	if len(sh.lanes) == 0 {
		delete(x.shelves, key)
		x.unsyncedUnlist(key)
	}
}

func (x *Index[V]) unsyncedUnlist(key shelfKey) {
	at := x.listing[key.model]
	if i, found := slices.BinarySearch(at, key.provider); found {
		at = slices.Delete(at, i, i+1)
	}
	if len(at) == 0 {
		delete(x.listing, key.model)
		delete(x.paces, key.model)
		return
	}
	x.listing[key.model] = at
}

func (x *Index[V]) unsyncedLane(provider, model string, priority int) *lane[V] {
	key := shelfKey{provider, model}
	sh := x.shelves[key]
	if sh == nil {
		sh = &shelf[V]{}
		x.shelves[key] = sh
		at := x.listing[model]
		if i, found := slices.BinarySearch(at, provider); !found {
			x.listing[model] = slices.Insert(at, i, provider)
		}
	}
	i, found := slices.BinarySearchFunc(sh.lanes, priority, func(l *lane[V], p int) int { return p - l.priority })
	if !found {
		sh.lanes = slices.Insert(sh.lanes, i, &lane[V]{model: model, priority: priority, pace: x.unsyncedPace(model)})
	}
	return sh.lanes[i]
}

// Providers returns the providers that have a member with a seat for the model,
// switched off or not, sorted; nil when there is none.
func (x *Index[V]) Providers(model string) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.listing[model])
}

func (m *member[V]) seat(model string) *seat[V] { return seatIn(m.seats, model) }

func seatIn[V any](seats []seat[V], model string) *seat[V] {
	lo, hi := 0, len(seats)
	for lo < hi {
		if mid := (lo + hi) / 2; seats[mid].lane.model < model {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(seats) && seats[lo].lane.model == model {
		return &seats[lo]
	}
	return nil
}
