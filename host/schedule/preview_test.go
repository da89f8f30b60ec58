package schedule

import (
	"slices"
	"testing"
	"time"
)

// TestPreviewSaysWhatPicksDo: the first id is that of the next pick, all ids are
// those that can be picked, and asking changes nothing.
func TestPreviewSaysWhatPicksDo(t *testing.T) {
	x := New[string]()
	for i, id := range []string{"a", "b", "c", "d", "e", "f"} {
		m := Member[string]{ID: id, Value: id, Provider: []string{"p", "q"}[i%2], Priority: i / 4, Seats: seats("m")}
		x.Put(m)
	}
	x.Set("c", Seat{Model: "m", State: until(time.Minute)})
	x.Set("d", Seat{Model: "m", State: State{Probe: true}})
	for _, q := range []Query{
		{Providers: []string{"p"}, Model: "m"},
		{Providers: []string{"p", "q"}, Model: "m"},
		{Providers: []string{"q", "p"}, Model: "m", FillFirst: true},
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
				id, _, ok := x.Pick(q, &tried)
				if !ok {
					break
				}
				got = append(got, id)
				x.Set("d", Seat{Model: "m", State: State{Probe: true}})
			}
			if len(order) != len(got) || len(got) > 0 && order[0] != got[0] || len(q.Providers) == 1 && !slices.Equal(order, got) {
				t.Fatalf("%+v: preview %v, picks %v", q, order, got)
			}
		}
	}
}
