package bench

import (
	"fmt"
	"math"
	"strings"
)

// What an evil plugin may do to others: DESIGN.md section 6, and contract.md
// section 8.
const (
	limitNeighbour = 2.0
	limitStop      = 50.0
)

// evilSuites measure what evil plugins do to others. The packages say how.
var evilSuites = []suite{
	{"./plugins/direct", "^BenchmarkNeighbour$"},
	{"./plugins/direct", "^BenchmarkEvilPause$"},
}

// evilBudgets judges the worst of them. Of the waits it leaves out one in ten:
// on a machine with other things to do, the longest is the machine's.
func evilBudgets(micro []Micro) []Budget {
	return []Budget{
		worstOf(micro, "Neighbour/", "x/busy", "p99 of a call beside an evil plugin", limitNeighbour, "x beside a busy one"),
		worstOf(micro, "EvilPause/", "ms/stop-p90", "wait of a collection for an evil plugin, nine in ten", limitStop, "ms"),
	}
}

// worstOf judges the greatest value of the benchmarks with a prefix. None is
// not a number, which no limit holds.
func worstOf(micro []Micro, prefix, unit, name string, limit float64, shown string) Budget {
	worst, which := math.NaN(), "none"
	for _, m := range micro {
		rest, ok := strings.CutPrefix(m.Name, prefix)
		if v, has := m.Values[unit]; ok && has && !(v <= worst) {
			worst, which = v, rest
		}
	}
	b := Budget{Name: fmt.Sprintf("%s (%s)", name, which), Limit: limit, Unit: shown, Pass: worst <= limit}
	if !math.IsNaN(worst) {
		b.Measured, b.Low, b.High = worst, worst, worst
	}
	return b
}
