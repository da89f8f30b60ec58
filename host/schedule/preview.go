package schedule

import "math"

// Preview returns the ids in the order in which picks would return them, if
// none were blocked meanwhile and each were tried; no cursor moves. Among
// several providers the first id is exact, and those behind it are by provider
// from there.
func (x *Index[V]) Preview(q Query) []string {
	now := q.Now.UnixNano()
	x.mu.Lock()
	defer x.mu.Unlock()
	if q.Pin != "" {
		if s := x.unsyncedPinned(q, now, nil); s != nil {
			return []string{s.owner.id}
		}
		return nil
	}
	p := x.paces[q.Model]
	probes := p != nil && p.allows(now, q.ProbeInterval)
	var ids []string
	below := math.MaxInt
	for first := true; ; first = false {
		priority, found := x.unsyncedBest(q, below, first)
		if !found {
			return ids
		}
		ids = append(ids, x.unsyncedPreview(q, priority, now, probes)...)
		below = priority
	}
}

// unsyncedPreview is Preview of one priority.
func (x *Index[V]) unsyncedPreview(q Query, priority int, now int64, probes bool) []string {
	var lanes []*lane[V]
	total := 0
	for _, p := range q.Providers {
		l := x.unsyncedAt(p, q.Model, priority)
		if l == nil {
			continue
		}
		for len(l.waiting) > 0 && l.waiting[0].due <= now {
			l.wake(now)
		}
		if n := l.awake(now, nil, probes); n > 0 {
			lanes, total = append(lanes, l), total+n
		}
	}
	turn := 0
	if total > 0 && !q.FillFirst && len(q.Providers) > 1 {
		turn = x.mixed.peek(q.Providers, q.Model) % total
	}
	start := 0
	for i, l := range lanes {
		n := l.eligible(nil, probes)
		if start = i; turn < n {
			break
		}
		turn -= n
	}
	var ids []string
	for i := range lanes {
		ids = lanes[(start+i)%len(lanes)].inOrder(ids, q.FillFirst, probes)
	}
	return ids
}

// inOrder appends the ids of the eligible seats in the order of picks.
func (l *lane[V]) inOrder(ids []string, first, probes bool) []string {
	from := l.cursor
	if first {
		from = 0
	}
	for p := l.next(from, probes); p >= 0; p = l.next(p+1, probes) {
		ids = append(ids, l.seats[p].owner.id)
	}
	for p := l.next(0, probes); p >= 0 && p < from; p = l.next(p+1, probes) {
		ids = append(ids, l.seats[p].owner.id)
	}
	return ids
}
