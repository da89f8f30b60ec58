package schedule

// previewed bounds how many turns Preview works out one by one.
const previewed = 256

// Preview returns the ids in the order in which picks would return them, if
// none were blocked meanwhile and each were tried; no cursor moves. The first 256
// are exact; those behind them are in the order of the query's providers,
// priority and id.
func (x *Index[V]) Preview(q Query) []string {
	now := q.Now.UnixNano()
	x.mu.Lock()
	defer x.mu.Unlock()
	var ids []string
	var tried Tried[V]
	var kept trail[V]
	for range previewed {
		t := x.unsyncedTurn(&q, now, &tried)
		if t.seat == nil {
			break
		}
		kept.note(x, &q, t)
		x.unsyncedPassed(&q, t)
		tried.add(t.seat.owner)
		ids = append(ids, t.seat.owner.id)
	}
	kept.restore(x, &q)
	if len(ids) < previewed {
		return ids
	}
	f := x.unsyncedFilter(&q, now)
	x.unsyncedEach(q, func(s *seat[V]) bool {
		if s.shown && f.wants(s.lane.classes[s.class], s.track()) && !tried.has(s.owner) {
			ids = append(ids, s.owner.id)
		}
		return true
	})
	return ids
}

// trail remembers cursors as they were before picks moved them.
type trail[V any] struct {
	lanes map[*lane[V]]laneCursors[V]
	teams map[*team[V]]cursor[*mate[V]]
	mixed *int
}

type laneCursors[V any] struct {
	cur     cursor[*seat[V]]
	teamCur cursor[*team[V]]
	round   int
}

func (k *trail[V]) note(x *Index[V], q *Query, t turn[V]) {
	if t.lane == nil {
		return
	}
	if k.lanes == nil {
		k.lanes, k.teams = map[*lane[V]]laneCursors[V]{}, map[*team[V]]cursor[*mate[V]]{}
	}
	l := t.lane
	if _, known := k.lanes[l]; !known {
		k.lanes[l] = laneCursors[V]{l.cur, l.teamCur, l.round}
	}
	if _, known := k.teams[t.team]; !known && t.team != nil {
		k.teams[t.team] = t.team.cur
	}
	if t.mixed > 0 && k.mixed == nil {
		at := 0
		if t.cursor != nil {
			at = t.cursor.turn
		}
		k.mixed = &at
	}
}

func (k *trail[V]) restore(x *Index[V], q *Query) {
	for l, was := range k.lanes {
		l.cur, l.teamCur, l.round = was.cur, was.teamCur, was.round
	}
	for t, was := range k.teams {
		t.cur = was
	}
	if k.mixed != nil {
		if cur := x.mixed.find(q.Providers, q.Model); cur != nil {
			cur.turn = *k.mixed
		}
	}
}
