package bench

import (
	"strings"
	"testing"
)

func TestEvilIsJudgedByTheWorst(t *testing.T) {
	micro := func(name, unit string, v float64) Micro {
		return Micro{Name: name, Values: map[string]float64{unit: v}}
	}
	good := []Micro{
		micro("Neighbour/loop", "x/busy", 1.1), micro("Neighbour/fill", "x/busy", 1.9),
		micro("EvilPause/loop", "ms/stop-p90", 4), micro("EvilPause/fill", "ms/stop-p90", 30),
	}
	for _, b := range evilBudgets(good) {
		if !b.Pass || !strings.Contains(b.Name, "(fill)") {
			t.Errorf("%+v", b)
		}
	}
	for _, b := range evilBudgets(append(good, micro("Neighbour/x", "x/busy", 2.1), micro("EvilPause/x", "ms/stop-p90", 51))) {
		if b.Pass || !strings.Contains(b.Name, "(x)") {
			t.Errorf("%+v", b)
		}
	}
	for _, b := range evilBudgets(nil) {
		if b.Pass {
			t.Errorf("what was not measured passes: %+v", b)
		}
	}
}
