package schedule

// take makes a pick of a seat, which is one more in flight. The caller holds
// Index.mu.
func (s *seat[V]) take(probe bool) Picked[V] {
	p := Picked[V]{Value: s.value, Probe: probe, m: s.owner}
	p.m.inflight.Add(1)
	if p.m.limit.Load() > 0 {
		p.m.fill()
	}
	return p
}

// Release ends what a pick began. Each pick is released once; the zero value is
// nothing. It takes no lock for a member without a limit.
func (x *Index[V]) Release(p Picked[V]) {
	if p.m == nil {
		return
	}
	p.m.inflight.Add(-1)
	// A Put that sets a limit after this counts what is in flight then.
	if p.m.limit.Load() == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	p.m.fill()
}

// InFlight returns how many picks of a member are not released, and how many may
// be, 0 for any number.
func (x *Index[V]) InFlight(id string) (n, limit int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.members[id]
	if m == nil {
		return 0, 0
	}
	return int(m.inflight.Load()), int(m.limit.Load())
}

// fill hides or shows the seats of a member, as its limit says.
func (m *member[V]) fill() {
	limit := m.limit.Load()
	full := limit > 0 && m.inflight.Load() >= limit
	if full == m.full {
		return
	}
	m.full = full
	for i := range m.seats {
		s := &m.seats[i]
		if full {
			s.lane.hide(s)
		} else {
			s.lane.show(s)
		}
	}
}
