package schedule

// Tried remembers what a request has picked already. The zero value is empty;
// nil remembers nothing. It belongs to one request and is not safe for
// concurrent use. The first eight members cost no allocation.
type Tried[V any] struct {
	few  [8]*member[V]
	n    int
	many map[*member[V]]struct{}
}

// Add notes a candidate, as Pick notes what it returns.
func (t *Tried[V]) Add(c Candidate[V]) { t.add(c.m) }

// Reset forgets everything, for another round.
func (t *Tried[V]) Reset() { *t = Tried[V]{} }

// Len returns how many members are noted.
func (t *Tried[V]) Len() int {
	if t == nil {
		return 0
	}
	return t.n + len(t.many)
}

func (t *Tried[V]) add(m *member[V]) {
	if t == nil || t.has(m) {
		return
	}
	if t.n < len(t.few) {
		t.few[t.n] = m
		t.n++
		return
	}
	if t.many == nil {
		t.many = map[*member[V]]struct{}{}
	}
	t.many[m] = struct{}{}
}

func (t *Tried[V]) has(m *member[V]) bool {
	if t == nil {
		return false
	}
	for _, o := range t.few[:t.n] {
		if o == m {
			return true
		}
	}
	_, ok := t.many[m]
	return ok
}
