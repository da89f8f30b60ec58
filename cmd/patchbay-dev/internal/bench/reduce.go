package bench

// reduce makes the table of a scenario: medians over its rounds.
func (r roundsOf) reduce() Scenario {
	s := Scenario{Name: r.name, Connections: r.connections, Stream: r.stream, Rounds: len(r.samples)}
	for _, target := range r.targets() {
		of := func(field func(Sample) float64) float64 {
			return median(r.values(func(round map[string]Sample) (float64, bool) {
				v := field(round[target])
				return v, v > 0
			}))
		}
		row := Row{Target: target, Sample: Sample{
			Requests: of(func(s Sample) float64 { return s.Requests }), Events: of(func(s Sample) float64 { return s.Events }),
			Rate: of(func(s Sample) float64 { return s.Rate }),
			P50:  of(func(s Sample) float64 { return s.P50 }), P99: of(func(s Sample) float64 { return s.P99 }),
			DelayP50: of(func(s Sample) float64 { return s.DelayP50 }), DelayP99: of(func(s Sample) float64 { return s.DelayP99 }),
			CPURequest: of(func(s Sample) float64 { return s.CPURequest }), CPUEvent: of(func(s Sample) float64 { return s.CPUEvent }),
			Memory: of(func(s Sample) float64 { return s.Memory }),
		}}
		ratios := r.values(ratio(target, func(s Sample) float64 { return s.Rate }))
		row.RateRatio = median(ratios)
		row.RateLow, row.RateHigh = bounds(ratios)
		s.Rows = append(s.Rows, row)
	}
	return s
}

// values takes one value out of each round that has it.
func (r roundsOf) values(of func(round map[string]Sample) (float64, bool)) []float64 {
	var all []float64
	for _, round := range r.samples {
		if v, ok := of(round); ok {
			all = append(all, v)
		}
	}
	return all
}

// ratio is a field of a target divided by the floor's, in one round.
func ratio(target string, field func(Sample) float64) func(map[string]Sample) (float64, bool) {
	return between(target, Floor, field)
}

// between is a field of a target divided by another's, in one round.
func between(target, other string, field func(Sample) float64) func(map[string]Sample) (float64, bool) {
	return func(round map[string]Sample) (float64, bool) {
		v, by := field(round[target]), field(round[other])
		return v / by, v > 0 && by > 0
	}
}

// addedP50 is what a target adds to the median of direct, divided by what the
// floor adds, in one round.
func addedP50(target string) func(map[string]Sample) (float64, bool) {
	return func(round map[string]Sample) (float64, bool) {
		direct := round[Direct].P50
		added, floor := round[target].P50-direct, round[Floor].P50-direct
		return added / floor, added > 0 && floor > 0
	}
}
