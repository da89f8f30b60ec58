package schedule

import "time"

// pace spaces out the probes of one model, over all its lanes.
type pace struct {
	next int64 // Unix nanoseconds
}

// allows reports whether a probe may begin. A turn that lies further ahead than
// the interval comes from a clock that was set back, and counts for nothing.
func (p *pace) allows(now int64, interval time.Duration) bool {
	return p.next <= now || p.next > now+int64(interval)
}

func (x *Index[V]) unsyncedPace(model string) *pace {
	p := x.paces[model]
	if p == nil {
		p = &pace{}
		x.paces[model] = p
	}
	return p
}

// begin takes a seat that is open for a probe out of reach of everybody else.
func (s *seat[V]) begin(now int64, interval time.Duration) {
	s.lane.pace.next = now + int64(interval)
	s.lane.move(s, State{Blocked: true})
}

// standing is the place that a seat would have if it were looked after now.
func (s *seat[V]) standing(now int64) place {
	if s.place != waiting || s.due > now {
		return s.place
	}
	if s.probe {
		return half
	}
	return ready
}

// Claim takes a candidate, as Pick does with what it returns. It reports false
// when somebody else was faster, or it is not there any more.
func (x *Index[V]) Claim(q Query, c Candidate[V]) (Picked[V], bool) {
	now := q.Now.UnixNano()
	x.mu.Lock()
	defer x.mu.Unlock()
	s := c.m.seat(q.Model)
	if s == nil || c.m.full {
		return Picked[V]{}, false
	}
	probe := s.standing(now) == half
	if probe {
		if !s.lane.pace.allows(now, q.ProbeInterval) {
			return Picked[V]{}, false
		}
		s.begin(now, q.ProbeInterval)
	}
	return s.take(probe), true
}
