package schedule

import (
	"fmt"
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
}

func newOracle() *oracle {
	return &oracle{members: map[string]Member[string]{}, last: map[string]string{}, turn: map[string]int{}}
}

func open(st State, now time.Time) bool {
	return !st.Off && (!st.Blocked || !st.Until.IsZero() && !st.Until.After(now))
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
				if open(s.State, q.Now) {
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
}
