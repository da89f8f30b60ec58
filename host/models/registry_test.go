package models_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/models"
)

func infos(ids ...string) []models.Info {
	var list []models.Info
	for _, id := range ids {
		list = append(list, models.Info{ID: id})
	}
	return list
}

func TestRegistry(t *testing.T) {
	var r models.Registry
	if r.Models("a") != nil || r.Holders("m") != nil || len(r.All()) != 0 || r.Supports("a", "m") {
		t.Error("the zero registry knows something")
	}
	r.Remove("a")
	r.Set("b", []models.Info{{ID: "m", OwnedBy: "of b"}, {ID: "n(high)"}, {ID: "m", OwnedBy: "twice"}, {}})
	r.Set("a", []models.Info{{ID: "m", OwnedBy: "of a"}})
	if diff := cmp.Diff([]models.Info{{ID: "m", OwnedBy: "of b"}, {ID: "n(high)"}}, r.Models("b")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]models.Info{{ID: "m", OwnedBy: "of a"}, {ID: "n(high)"}}, r.All()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a", "b"}, r.Holders("m(low)")); diff != "" {
		t.Error(diff)
	}
	if !r.Supports("b", "n") || r.Supports("b", "n(high)") || r.Supports("a", "n") {
		t.Error("Supports goes by canonical names")
	}
	r.Set("a", infos("x"))
	r.Remove("b")
	if r.Supports("a", "m") || r.Holders("m") != nil || !slices.Equal(r.Holders("x"), []string{"a"}) {
		t.Error("what was replaced is still there")
	}
	if diff := cmp.Diff(infos("x"), r.All()); diff != "" {
		t.Error(diff)
	}
}

func TestSetKeepsNoReference(t *testing.T) {
	var r models.Registry
	given := infos("m")
	r.Set("a", given)
	given[0].ID = "other"
	if r.Models("a")[0].ID != "m" || r.All()[0].ID != "m" {
		t.Error("the registry shares the caller's slice")
	}
}

func TestNames(t *testing.T) {
	if diff := cmp.Diff(infos("m", "n", "team/m", "team/n"), models.Names("team", infos("m", "n"))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(infos("m"), models.Names("", infos("m"))); diff != "" {
		t.Error(diff)
	}
	for _, c := range [][3]string{
		{"team", "team/m", "m"}, {"team", "m", "m"}, {"team", "Team/m", "Team/m"}, {"team", "teamster/m", "teamster/m"},
		{"", "/m", "/m"}, {"team", "team/", ""}, {"team", "team/team/m", "team/m"}, {"team", "team", "team"},
	} {
		if got := models.StripPrefix(c[0], c[1]); got != c[2] {
			t.Errorf("%q without %q: %q", c[1], c[0], got)
		}
	}
}

// TestRegistryAgainstAMap compares with the simplest thing that could work.
func TestRegistryAgainstAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r models.Registry
		naive := map[string][]string{}
		names := []string{"m", "m(high)", "n", "o"}
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "auth")
			if rapid.IntRange(0, 3).Draw(t, "remove") == 0 {
				r.Remove(id)
				delete(naive, id)
				continue
			}
			naive[id] = rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, "models")
			r.Set(id, infos(naive[id]...))
			_ = r.All()
		}
		for _, model := range []string{"m", "n", "o"} {
			var holders []string
			for _, id := range []string{"a", "b", "c"} {
				serves := slices.ContainsFunc(naive[id], func(s string) bool { return auth.CanonicalModel(s) == model })
				if serves {
					holders = append(holders, id)
				}
				if r.Supports(id, model) != serves {
					t.Fatalf("%s supports %s: %v", id, model, !serves)
				}
			}
			if diff := cmp.Diff(holders, r.Holders(model)); diff != "" {
				t.Fatal(diff)
			}
		}
		var all []string
		for _, ids := range naive {
			all = append(all, ids...)
		}
		slices.Sort(all)
		if diff := cmp.Diff(infos(slices.Compact(all)...), r.All()); diff != "" && len(all) > 0 {
			t.Fatal(diff)
		}
	})
}

func TestRegistryConcurrently(t *testing.T) {
	var r models.Registry
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			id := fmt.Sprint(i % 4)
			for range 200 {
				r.Set(id, infos("m", id))
				if holders := r.Holders("m"); !slices.IsSorted(holders) {
					t.Error(holders)
				}
				_, _, _ = r.All(), r.Supports(id, "m"), r.Models(id)
				r.Remove(id)
			}
		})
	}
	wg.Wait()
}

func TestSupportsDoesNotAllocate(t *testing.T) {
	var r models.Registry
	r.Set("a", infos("m"))
	r.Holders("m")
	if n := testing.AllocsPerRun(100, func() { r.Supports("a", "m"); r.Holders("m") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
