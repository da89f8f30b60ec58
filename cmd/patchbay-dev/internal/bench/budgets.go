package bench

import (
	"fmt"
	"math"
	"slices"
)

// The budgets of DESIGN.md section 6 that a benchmark can judge, and the
// condition that it sets itself: without the last, what is measured would be
// the load generator.
const (
	limitRate     = 0.75
	limitAdded    = 1.5
	limitEvent    = 1.3
	limitMemory   = 1.5
	limitMapped   = 10.0
	limitCall     = 300.0
	limitFuel     = 1.3
	limitPick     = 1000.0
	limitPickSize = 2.0
	limitFailure  = 4096.0
	limitResident = 200.0
	limitStart    = 1.0
	limitDirect   = 3.0
	limitLoad     = 2.0
	limitMark     = 1.2
	limitCommit   = 4.0
)

// budgets judges. Only what was measured is judged.
func budgets(rounds []roundsOf, micro []Micro, starts startTimes) []Budget {
	var all []Budget
	add := func(name string, values []float64, limit float64, atLeast bool, unit string) {
		b := Budget{Name: name, Measured: median(values), Limit: limit, AtLeast: atLeast, Unit: unit}
		b.Low, b.High = bounds(values)
		b.Pass = len(values) > 0 && b.Measured <= limit
		if atLeast {
			b.Pass = len(values) > 0 && b.Measured >= limit
		}
		all = append(all, b)
	}
	rate := func(s Sample) float64 { return s.Rate }
	whole, streams := split(rounds)
	if r, ok := with(whole, 32); ok {
		add(r.name+": requests/s, direct to floor (the harness)", r.values(ratio(Direct, rate)), limitDirect, true, "x floor")
		add(r.name+": requests/s", r.values(ratio(Sandboxed, rate)), limitRate, true, "x floor")
	}
	if r, ok := with(whole, 1); ok {
		add(r.name+": added p50", r.values(addedP50(Sandboxed)), limitAdded, false, "x floor")
	}
	for _, r := range streams {
		cpu := func(s Sample) float64 { return s.CPUEvent }
		add(r.name+": CPU per passed-through event", r.values(ratio(Sandboxed, cpu)), limitEvent, false, "x floor")
		add(r.name+": CPU per event out of an envelope", r.values(between(Envelope, Sandboxed, cpu)), limitEvent, false, "x passed through")
	}
	if r, ok := with(streams, 1000); ok {
		memory := func(s Sample) float64 { return s.Memory }
		add(r.name+": memory", r.values(ratio(Sandboxed, memory)), limitMemory, false, "x floor")
		add(r.name+": memory, each event mapped", r.values(ratio(Mapped, memory)), limitMemory, false, "x floor")
	}
	return append(all, append(microBudgets(micro), starts.budget())...)
}

func split(rounds []roundsOf) (whole, streams []roundsOf) {
	for _, r := range rounds {
		if r.stream {
			streams = append(streams, r)
		} else {
			whole = append(whole, r)
		}
	}
	return whole, streams
}

// with finds the scenario of so many connections; a shortened run has only
// smaller ones, and then the greatest below is it.
func with(rounds []roundsOf, connections int) (roundsOf, bool) {
	var best roundsOf
	for _, r := range rounds {
		if r.connections <= connections && r.connections > best.connections {
			best = r
		}
	}
	return best, best.connections > 0
}

func microBudgets(micro []Micro) []Budget {
	var all []Budget
	// What was not measured is not a number, which no limit holds.
	value := func(name, unit string) float64 {
		i := slices.IndexFunc(micro, func(m Micro) bool { return m.Name == name })
		if i < 0 {
			return math.NaN()
		}
		return micro[i].Values[unit]
	}
	add := func(name string, measured, limit float64, unit string) {
		pass := measured <= limit
		if math.IsNaN(measured) {
			measured = 0
		}
		all = append(all, Budget{Name: name, Measured: measured, Low: measured, High: measured, Limit: limit, Unit: unit, Pass: pass})
	}
	add("mapped event, Go guest: guest and driver", (value(guestEvent, "ns/op")+value(driverEvent, "ns/op"))/1000, limitMapped, "µs")
	add("empty guest call", value(emptyCall, "ns/op"), limitCall, "ns")
	add("empty guest call: allocations on the host", value(emptyCall, "allocs/op"), 0, "allocs")
	worst, which := math.NaN(), "none"
	for _, m := range micro {
		if x, ok := m.Values["x/orig"]; ok && !(x <= worst) {
			worst, which = x, m.Name
		}
	}
	add(fmt.Sprintf("fuel, the worst of real work (%s)", which), worst, limitFuel, "x unmetered")
	add("pick among 100,000", value(pickMany, "ns/op"), limitPick, "ns")
	add("pick among 10", value(pickFew, "ns/op"), limitPick, "ns")
	add("pick: allocations", max(value(pickMany, "allocs/op"), value(pickFew, "allocs/op")), 0, "allocs")
	add("open and load 100,000 credentials", value(openLoad, "ns/op")/1e9, limitLoad, "s")
	add("mark of an outcome, with the store to without", value(markStored, "ns/mark")/value(markAlone, "ns/mark"), limitMark, "x")
	add("commit of a refresh, to a bare put of bbolt", value(tokenCommit, "ns/op")/value(barePut, "ns/op"), limitCommit, "x")
	few, many := value(pickFew, "ns/op"), value(pickMany, "ns/op")
	add("pick: the larger by the smaller", max(few, many)/max(min(few, many), 1e-9), limitPickSize, "x")
	few, many = value(mixedFew, "ns/op"), value(mixedMany, "ns/op")
	add("pick, several providers: the slower", max(few, many), limitPick, "ns")
	add("pick, several providers: allocations", max(value(mixedFew, "allocs/op"), value(mixedMany, "allocs/op")), 0, "allocs")
	add("pick, several providers: the larger by the smaller", max(few, many)/max(min(few, many), 1e-9), limitPickSize, "x")
	add("pick after 64 others, by one after one", value(triedMany, "ns/op")/max(value(triedFew, "ns/op"), 1e-9), limitPickSize, "x")
	for _, state := range pickStates {
		few, many := "PickState/"+state+"/10", "PickState/"+state+"/100000"
		add("pick, "+state+" ready: the slower", max(value(few, "ns/op"), value(many, "ns/op")), limitPick, "ns")
		add("pick, "+state+" ready: allocations", max(value(few, "allocs/op"), value(many, "allocs/op")), 0, "allocs")
		if state != "marked" { // there the other processor is measured too
			ratio := max(value(few, "ns/op"), value(many, "ns/op")) / max(min(value(few, "ns/op"), value(many, "ns/op")), 1e-9)
			add("pick, "+state+" ready: the larger by the smaller", ratio, limitPickSize, "x")
		}
	}
	add("a failure among 100,000: allocated", value(markFailure, "B/op"), limitFailure, "B")
	add("a success: allocations", value(markSuccess, "allocs/op"), 0, "allocs")
	add("100,000 API-key credentials: heap", value(crowdMemory, "heap-MB"), limitResident, "MB")
	add("100,000 API-key credentials: memory of the process", value(crowdMemory, "sys-MB"), limitResident, "MB")
	return append(all, evilBudgets(micro)...)
}
