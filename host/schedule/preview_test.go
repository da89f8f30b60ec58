package schedule

import (
	"slices"
	"testing"
	"time"
)

// TestPreviewSaysWhatPicksDo: the ids are those of the next picks, in their order,
// and asking changes nothing.
func TestPreviewSaysWhatPicksDo(t *testing.T) {
	x := New[string](func(n int) int { return n - 1 })
	for i, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		m := Member[string]{ID: id, Value: id, Provider: []string{"p", "q"}[i%2], Priority: i / 6, Weight: 1 + i%3, Seats: seats("m")}
		m.Group, m.Socket = []string{"", "one", "two"}[i%3], i%4 == 0
		x.Put(m)
	}
	x.Set("c", Seat{Model: "m", State: until(time.Minute)})
	x.Set("d", Seat{Model: "m", State: State{Probe: true}})
	for _, q := range []Query{
		{Providers: []string{"p"}, Model: "m"},
		{Providers: []string{"p"}, Model: "m", Socket: true},
		{Providers: []string{"p", "q"}, Model: "m"},
		{Providers: []string{"p", "q"}, Model: "m", Order: Weighted},
		{Providers: []string{"q"}, Model: "m", Order: Weighted},
		{Providers: []string{"q", "p"}, Model: "m", Order: FillFirst},
		{Providers: []string{"q", "p"}, Model: "m", Pin: "b"},
		{Providers: []string{"p"}, Model: "none"},
	} {
		for i := range 9 {
			q.Now = start.Add(time.Duration(i) * 20 * time.Second)
			order := x.Preview(q)
			if again := x.Preview(q); !slices.Equal(order, again) {
				t.Fatalf("%+v: %v, then %v", q, order, again)
			}
			var tried Tried[string]
			var got []string
			for {
				p, ok := x.Pick(q, &tried)
				if !ok {
					break
				}
				got = append(got, p.Value)
				x.Set("d", Seat{Model: "m", State: State{Probe: true}})
			}
			if !slices.Equal(order, got) {
				t.Fatalf("%+v: preview %v, picks %v", q, order, got)
			}
		}
	}
}

// TestPreviewOfManyNamesAll: also where it does not work out every turn.
func TestPreviewOfManyNamesAll(t *testing.T) {
	x := filled(3 * previewed)
	ids := x.Preview(Query{Providers: []string{"p"}, Model: "m", Now: start})
	slices.Sort(ids)
	if n := len(slices.Compact(ids)); n != 3*previewed {
		t.Fatalf("%d ids, want %d", n, 3*previewed)
	}
}
