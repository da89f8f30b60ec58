package bench

import (
	"slices"
	"time"
)

// spread is a sorted list of durations.
type spread []time.Duration

func newSpread(parts ...[]time.Duration) spread {
	all := spread(slices.Concat(parts...))
	slices.Sort(all)
	return all
}

// at returns the quantile q in microseconds, 0 of nothing.
func (s spread) at(q float64) float64 {
	if len(s) == 0 {
		return 0
	}
	return float64(s[min(int(q*float64(len(s))), len(s)-1)]) / float64(time.Microsecond)
}

// median of what is there, 0 of nothing.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

// bounds are the least and the greatest of what is there.
func bounds(values []float64) (low, high float64) {
	if len(values) == 0 {
		return 0, 0
	}
	return slices.Min(values), slices.Max(values)
}
