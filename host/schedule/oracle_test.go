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
}

func newOracle() *oracle {
	return &oracle{members: map[string]Member[string]{}, last: map[string]string{}, turn: map[string]int{}, pace: map[string]time.Time{}}
}

func open(st State, now time.Time) bool {
	return !st.Off && (!st.Blocked || !st.Until.IsZero() && !st.Until.After(now))
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
		if m.Provider != provider || m.Priority != priority || tried[id] || q.Pin != "" && q.Pin != id {
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
		total := 0
		for _, p := range q.Providers {
			total += len(o.ready(p, q, priority, tried))
		}
		if total == 0 {
			continue
		}
		if q.Pin != "" {
			return q.Pin, true
		}
		key := strings.Join(q.Providers, ",") + ":" + q.Model
		turn := 0
		if !q.FillFirst && len(q.Providers) > 1 {
			turn = o.turn[key] % total
			o.turn[key] = turn + 1
		}
		for _, p := range q.Providers {
			ids := o.ready(p, q, priority, tried)
			if turn >= len(ids) {
				turn -= len(ids)
				continue
			}
			if q.FillFirst {
				return ids[0], true
			}
			lane := fmt.Sprint(p, "/", q.Model, "/", priority)
			i, found := slices.BinarySearch(ids, o.last[lane])
			if found {
				i++
			}
			o.last[lane] = ids[i%len(ids)]
			return o.last[lane], true
		}
	}
	return "", false
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
	for lane := range o.last {
		if !live[lane] {
			delete(o.last, lane)
		}
	}
	for model := range o.pace {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(live)), func(lane string) bool { return strings.Contains(lane, "/"+model+"/") }) {
			delete(o.pace, model)
		}
	}
}
