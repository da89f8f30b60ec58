package refresh_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/host/refresh"
)

// TestDeadlinesAgainstAMap: the heap gives what a search through a map would.
func TestDeadlinesAgainstAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var d refresh.Deadlines
		model := map[string]time.Time{}
		first := func() (name string) {
			for n, at := range model {
				if name == "" || at.Before(model[name]) || at.Equal(model[name]) && n < name {
					name = n
				}
			}
			return name
		}
		names := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g"})
		times := rapid.Custom(func(t *rapid.T) time.Time { return now.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "at"))) })
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				name, at := names.Draw(t, "name"), times.Draw(t, "time")
				d.Set(name, at)
				model[name] = at
			},
			"remove": func(t *rapid.T) {
				name := names.Draw(t, "name")
				d.Remove(name)
				delete(model, name)
			},
			"pop": func(t *rapid.T) {
				until, want := times.Draw(t, "until"), first()
				if want != "" && model[want].After(until) {
					want = ""
				}
				got, ok := d.Pop(until)
				if got != want || ok != (want != "") {
					t.Fatalf("popped %q, want %q", got, want)
				}
				delete(model, want)
			},
			"": func(t *rapid.T) {
				at, ok := d.Next()
				if want := first(); ok != (want != "") || ok && !at.Equal(model[want]) || d.Len() != len(model) {
					t.Fatalf("next is %v (%v), want %v", at, ok, model[want])
				}
			},
		})
	})
}
