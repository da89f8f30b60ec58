package refresh

import (
	"container/heap"
	"time"
)

// Deadlines is a set of names, each with a time, that gives up the earliest
// first. The zero value is ready. It is not safe for concurrent use.
type Deadlines struct {
	order  order
	byName map[string]*deadline
}

type deadline struct {
	name  string
	at    time.Time
	place int // in order
}

// Set gives a name its time, or another one.
func (d *Deadlines) Set(name string, at time.Time) {
	if known := d.byName[name]; known != nil {
		known.at = at
		heap.Fix(&d.order, known.place)
		return
	}
	if d.byName == nil {
		d.byName = map[string]*deadline{}
	}
	added := &deadline{name: name, at: at}
	d.byName[name] = added
	heap.Push(&d.order, added)
}

// Remove takes a name out, if it is there.
func (d *Deadlines) Remove(name string) {
	if known := d.byName[name]; known != nil {
		heap.Remove(&d.order, known.place)
		delete(d.byName, name)
	}
}

// Next returns the earliest time; ok is false when there is none.
func (d *Deadlines) Next() (at time.Time, ok bool) {
	if len(d.order) == 0 {
		return time.Time{}, false
	}
	return d.order[0].at, true
}

// Pop takes out the name with the earliest time, if that is not after now. Of
// names with the same time the first in the alphabet goes first.
func (d *Deadlines) Pop(now time.Time) (name string, ok bool) {
	if len(d.order) == 0 || d.order[0].at.After(now) {
		return "", false
	}
	name = d.order[0].name
	d.Remove(name)
	return name, true
}

// Len returns how many names there are.
func (d *Deadlines) Len() int { return len(d.order) }

// order implements heap.Interface.
type order []*deadline

func (o order) Len() int { return len(o) }

func (o order) Less(i, j int) bool {
	if !o[i].at.Equal(o[j].at) {
		return o[i].at.Before(o[j].at)
	}
	return o[i].name < o[j].name
}

func (o order) Swap(i, j int) {
	o[i], o[j] = o[j], o[i]
	o[i].place, o[j].place = i, j
}

func (o *order) Push(x any) {
	d, _ := x.(*deadline) // only Set pushes
	d.place = len(*o)
	*o = append(*o, d)
}

func (o *order) Pop() any {
	last := len(*o) - 1
	d := (*o)[last]
	(*o)[last] = nil
	*o = (*o)[:last]
	return d
}
