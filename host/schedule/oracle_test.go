package schedule

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// oracle answers like the index, the slow and obvious way: it keeps members in
// a map and looks at all of them for every pick.
type oracle struct {
	members map[string]Member[string]
	last    map[string]string // by provider, model and priority: id of the last pick
	turn    map[string]int    // by providers and model
	pace    map[string]time.Time
	team    map[string]string // by lane: group of the last pick
	round   map[string]int    // by lane: of the weighted order
	flying  map[string]int
}

func newOracle() *oracle {
	return &oracle{members: map[string]Member[string]{}, last: map[string]string{}, turn: map[string]int{}, pace: map[string]time.Time{},
		team: map[string]string{}, round: map[string]int{}, flying: map[string]int{}}
}

func open(st State, now time.Time) bool {
	return !st.Off && (!st.Blocked || !st.Until.IsZero() && !st.Until.After(now))
}

func (o *oracle) full(id string) bool {
	m := o.members[id]
	return m.Limit > 0 && o.flying[id] >= m.Limit
}

// weight is how many turns a member has.
func (o *oracle) weight(id string) int { return min(max(o.members[id].Weight, 1), 100) }

// allows reports whether a member takes part in the round of a query.
func (o *oracle) allows(id string, q Query) bool {
	rounds := min(o.members[id].Rounds, 100)
	if rounds < 0 {
		rounds = q.Rounds
	}
	return q.Round == 0 || rounds >= q.Round
}

// may reports whether a seat can be had: one for a probe only so often.
func (o *oracle) may(st State, q Query) bool {
	return open(st, q.Now) && (!st.Probe || !q.Now.Before(o.pace[q.Model]))
}

// picked takes a seat that is there for a probe out of reach.
func (o *oracle) picked(id string, q Query) (probe bool) {
	seats := o.members[id].Seats
	for i, s := range seats {
		if s.Model == q.Model && s.State.Probe {
			seats[i].State = State{Blocked: true}
			o.pace[q.Model] = q.Now.Add(q.ProbeInterval)
			return true
		}
	}
	return false
}

// ready returns the sorted ids of a provider that are ready and untried, at one
// priority.
func (o *oracle) ready(provider string, q Query, priority int, tried map[string]bool) []string {
	var ids []string
	for id, m := range o.members {
		if m.Provider != provider || m.Priority != priority || tried[id] || o.full(id) || !o.allows(id, q) || q.Pin != "" && q.Pin != id {
			continue
		}
		for _, s := range m.Seats {
			if s.Model == q.Model {
				if o.may(s.State, q) {
					ids = append(ids, id)
				}
				break
			}
		}
	}
	slices.Sort(ids)
	return ids
}

func (o *oracle) pick(q Query, tried map[string]bool) (string, bool) {
	for priority := 3; priority >= -3; priority-- {
		worth := func(ids []string) (n int) {
			for _, id := range ids {
				if q.Order == Weighted {
					n += o.weight(id)
				} else {
					n++
				}
			}
			return n
		}
		total := 0
		for _, p := range q.Providers {
			total += worth(o.ready(p, q, priority, tried))
		}
		if total == 0 {
			continue
		}
		if q.Pin != "" {
			return q.Pin, true
		}
		key := strings.Join(q.Providers, ",") + ":" + q.Model
		turn := 0
		if q.Order != FillFirst && len(q.Providers) > 1 {
			turn = o.turn[key] % total
			o.turn[key] = turn + 1
		}
		for _, p := range q.Providers {
			ids := o.ready(p, q, priority, tried)
			if n := worth(ids); turn >= n {
				turn -= n
				continue
			}
			if q.Socket && len(q.Providers) == 1 {
				able := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !o.members[id].Socket })
				if len(able) > 0 {
					ids = able
				}
			}
			return o.among(ids, fmt.Sprint(p, "/", q.Model, "/", priority), q.Order), true
		}
	}
	return "", false
}

// among picks one of the sorted ids of a lane.
func (o *oracle) among(ids []string, lane string, order Order) string {
	switch order {
	case FillFirst:
		return ids[0]
	case Weighted:
		return o.weighted(ids, lane)
	}
	var groups []string
	for _, id := range ids {
		groups = append(groups, o.members[id].Group)
	}
	slices.Sort(groups)
	if groups = slices.Compact(groups); len(groups) < 2 || groups[0] == "" {
		o.last[lane] = after(ids, o.last[lane])
		return o.last[lane]
	}
	group := after(groups, o.team[lane])
	o.team[lane] = group
	ids = slices.DeleteFunc(ids, func(id string) bool { return o.members[id].Group != group })
	lane += "/" + group
	o.last[lane] = after(ids, o.last[lane])
	return o.last[lane]
}

// weighted writes down all turns of all rounds and takes the next.
func (o *oracle) weighted(ids []string, lane string) string {
	type slot struct {
		round int
		id    string
	}
	var all []slot
	for round := 1; round <= 100; round++ {
		for _, id := range ids {
			if w := o.weight(id); round*w/100 > (round-1)*w/100 {
				all = append(all, slot{round, id})
			}
		}
	}
	i := slices.IndexFunc(all, func(s slot) bool {
		return s.round > o.round[lane] || s.round == o.round[lane] && s.id > o.last[lane]
	})
	next := all[max(i, 0)]
	o.round[lane], o.last[lane] = next.round, next.id
	return next.id
}

// after returns the first of some sorted names after another one.
func after(names []string, last string) string {
	i, found := slices.BinarySearch(names, last)
	if found {
		i++
	}
	return names[i%len(names)]
}

// forget drops the cursors of lanes that have no member left, as the index
// does.
func (o *oracle) forget() {
	live := map[string]bool{}
	for _, m := range o.members {
		for _, s := range m.Seats {
			live[fmt.Sprint(m.Provider, "/", s.Model, "/", m.Priority)] = true
		}
	}
	for _, m := range o.members {
		for _, s := range m.Seats {
			live[fmt.Sprint(m.Provider, "/", s.Model, "/", m.Priority, "/", m.Group)] = true
		}
	}
	maps.DeleteFunc(o.last, func(lane, _ string) bool { return !live[lane] })
	maps.DeleteFunc(o.team, func(lane, _ string) bool { return !live[lane] })
	maps.DeleteFunc(o.round, func(lane string, _ int) bool { return !live[lane] })
	for model := range o.pace {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(live)), func(lane string) bool { return strings.Contains(lane, "/"+model+"/") }) {
			delete(o.pace, model)
		}
	}
}
