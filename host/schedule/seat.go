package schedule

// place is where a seat stands in its lane.
type place uint8

const (
	gone    place = iota // not in the lane
	ready                // it can be picked
	half                 // a single pick may take it
	waiting              // blocked until due; in the lane's heap
	stuck                // blocked with no time known, or taken by a probe
)

// seat is one member in one lane.
type seat[V any] struct {
	owner *member[V]
	lane  *lane[V]
	value V // the owner's, here so that a pick need not go there
	where spot[*seat[V]]
	mate  *mate[V] // nil when the owner belongs to no team
	due   int64    // Unix nanoseconds; meaningful while waiting
	at    int32    // in lane.waiting; -1 while not in it
	class uint16   // in lane.classes
	place place
	quota bool
	off   bool
	probe bool // when its block ends, it is half
	shown bool // it is in its track
}

func (s *seat[V]) key() string           { return s.owner.id }
func (s *seat[V]) spot() *spot[*seat[V]] { return &s.where }

// track is where a seat that can be picked is found: each class has one for those
// that are ready and one for those that are half-open.
func (s *seat[V]) track() int {
	t := 2 * int(s.class)
	if s.place == half {
		t++
	}
	return t
}

// class is what tells seats of one lane apart for those who choose.
type class struct {
	weight uint8
	socket bool
	rounds int8 // that it takes part in; below 0 means what the query says
}

// mate is a seat in its team.
type mate[V any] struct {
	seat  *seat[V]
	team  *team[V]
	where spot[*mate[V]]
}

func (m *mate[V]) key() string           { return m.seat.owner.id }
func (m *mate[V]) spot() *spot[*mate[V]] { return &m.where }

// team holds the seats of a lane that belong to one group.
type team[V any] struct {
	name  string
	where spot[*team[V]]
	row   row[*mate[V]]
	count []int // by track
	cur   cursor[*mate[V]]
}

func (t *team[V]) key() string           { return t.name }
func (t *team[V]) spot() *spot[*team[V]] { return &t.where }

// add changes a count of a slice that grows as needed, and returns it.
func add(counts *[]int, track, n int) int {
	for len(*counts) <= track {
		*counts = append(*counts, 0)
	}
	(*counts)[track] += n
	return (*counts)[track]
}
