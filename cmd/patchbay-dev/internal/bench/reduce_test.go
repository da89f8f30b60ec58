package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func round(direct, floor, native, sandboxed Sample) map[string]Sample {
	return map[string]Sample{Direct: direct, Floor: floor, Native: native, Sandboxed: sandboxed}
}

// TestARatioIsOfOneRound: a round in which the machine was slow for everybody
// moves no ratio.
func TestARatioIsOfOneRound(t *testing.T) {
	r := roundsOf{scenario: scenario{name: "32 connections", connections: 32}}
	for _, slow := range []float64{1, 10, 3} {
		r.samples = append(r.samples, round(
			Sample{Rate: 400 / slow, P50: 10 * slow}, Sample{Rate: 100 / slow, P50: 20 * slow},
			Sample{Rate: 90 / slow, P50: 22 * slow}, Sample{Rate: 50 / slow, P50: 25 * slow}))
	}
	s := r.reduce()
	if got := s.Rows[3]; got.Target != Sandboxed || got.RateRatio != 0.5 || got.RateLow != 0.5 || got.RateHigh != 0.5 {
		t.Errorf("%+v", got)
	}
	if got := s.Rows[1].Rate; got != 100.0/3 {
		t.Errorf("the median rate of the floor is %v", got)
	}
	if got := r.values(addedP50(Sandboxed)); !cmp.Equal(got, []float64{1.5, 1.5, 1.5}) {
		t.Errorf("added p50: %v", got)
	}
}

func TestARoundWithoutAValueIsLeftOut(t *testing.T) {
	r := roundsOf{samples: []map[string]Sample{
		round(Sample{}, Sample{CPUEvent: 10}, Sample{}, Sample{CPUEvent: 12}),
		round(Sample{}, Sample{CPUEvent: 10}, Sample{}, Sample{}),
		round(Sample{}, Sample{}, Sample{}, Sample{CPUEvent: 12}),
	}}
	if got := r.values(ratio(Sandboxed, func(s Sample) float64 { return s.CPUEvent })); !cmp.Equal(got, []float64{1.2}) {
		t.Error(got)
	}
}

func TestBudgets(t *testing.T) {
	whole := roundsOf{scenario: scenario{name: "32 connections", connections: 32}}
	whole.samples = append(whole.samples, round(Sample{Rate: 200, P50: 10}, Sample{Rate: 100, P50: 20}, Sample{}, Sample{Rate: 75, P50: 26}))
	streams := roundsOf{scenario: scenario{name: "1000 streams", connections: 1000, stream: true}}
	streams.samples = append(streams.samples, round(Sample{}, Sample{CPUEvent: 10, Memory: 100}, Sample{}, Sample{CPUEvent: 13, Memory: 151}))
	streams.samples[0][Envelope], streams.samples[0][Mapped] = Sample{CPUEvent: 18}, Sample{Memory: 149}
	micro := []Micro{
		{Name: emptyCall, Values: map[string]float64{"ns/op": 200, "allocs/op": 1}},
		{Name: guestEvent, Values: map[string]float64{"ns/op": 8000}}, {Name: driverEvent, Values: map[string]float64{"ns/op": 1000}},
		{Name: pickFew, Values: map[string]float64{"ns/op": 25}}, {Name: pickMany, Values: map[string]float64{"ns/op": 60}},
		{Name: openLoad, Values: map[string]float64{"ns/op": 1.5e9}},
		{Name: barePut, Values: map[string]float64{"ns/op": 4e6}}, {Name: tokenCommit, Values: map[string]float64{"ns/op": 6e6}},
		{Name: markAlone, Values: map[string]float64{"ns/mark": 400}}, {Name: markStored, Values: map[string]float64{"ns/mark": 500}},
		{Name: "Overhead/go/a", Values: map[string]float64{"x/orig": 1.1}}, {Name: "Overhead/go/b", Values: map[string]float64{"x/orig": 1.31}},
		{Name: "Neighbour/a", Values: map[string]float64{"x/busy": 1.1}}, {Name: "EvilPause/a", Values: map[string]float64{"ms/stop-p90": 51}},
	}
	got := map[string]bool{}
	for _, b := range budgets([]roundsOf{whole, streams}, micro, startTimes{plugins: 10, seconds: []float64{0.5, 3, 0.6}}) {
		if strings.HasPrefix(b.Name, "pick, ") || strings.HasPrefix(b.Name, "pick after") || strings.Contains(b.Name, "100,000 API") || strings.HasPrefix(b.Name, "a success") || strings.HasPrefix(b.Name, "a failure") {
			if b.Pass { // nobody measured it
				t.Errorf("%s passes unmeasured", b.Name)
			}
			continue
		}
		got[b.Name] = b.Pass
	}
	want := map[string]bool{
		"32 connections: requests/s, direct to floor (the harness)": false,
		"32 connections: requests/s":                                true,
		"1000 streams: CPU per passed-through event":                true,
		"1000 streams: CPU per event out of an envelope":            false,
		"1000 streams: memory":                                      false,
		"1000 streams: memory, each event mapped":                   true,
		"mapped event, Go guest: guest and driver":                  true,
		"empty guest call":                                          true,
		"empty guest call: allocations on the host":                 false,
		"fuel, the worst of real work (Overhead/go/b)":              false,
		"pick among 100,000":                                        true,
		"pick among 10":                                             true,
		"pick: allocations":                                         true,
		"pick: the larger by the smaller":                           false,
		"open and load 100,000 credentials":                         true,
		"mark of an outcome, with the store to without":             false,
		"commit of a refresh, to a bare put of bbolt":               true,
		"start with 10 plugins in the compile cache":                true,
		"p99 of a call beside an evil plugin (a)":                   true,
		"wait of a collection for an evil plugin, nine in ten (a)":  false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNothingMeasuredIsNoPass(t *testing.T) {
	streams := roundsOf{scenario: scenario{name: "1000 streams", connections: 1000, stream: true}, samples: []map[string]Sample{{}}}
	for _, b := range budgets([]roundsOf{streams}, nil, startTimes{}) {
		if b.Pass {
			t.Errorf("%s passes without a measurement", b.Name)
		}
	}
}

func TestParseBenchmarks(t *testing.T) {
	const text = `goos: linux
pkg: github.com/patchbay-dev/patchbay/host/schedule
BenchmarkPick/round-robin/10-2         	26049152	        40.0 ns/op	       0 B/op	       0 allocs/op
BenchmarkPick/round-robin/10-2         	26049152	        60.0 ns/op	       0 B/op	       0 allocs/op
BenchmarkPick/round-robin/10-2         	26049152	        50.0 ns/op	       0 B/op	       0 allocs/op
some log line
pkg: github.com/patchbay-dev/patchbay/plugins/meter
BenchmarkOverhead/go/text-2    1   5 ns/op   1.250 x/orig
PASS
`
	want := []Micro{
		{Name: "Pick/round-robin/10", Package: "github.com/patchbay-dev/patchbay/host/schedule", Runs: 3, Values: map[string]float64{"ns/op": 50, "B/op": 0, "allocs/op": 0}},
		{Name: "Overhead/go/text", Package: "github.com/patchbay-dev/patchbay/plugins/meter", Runs: 1, Values: map[string]float64{"ns/op": 5, "x/orig": 1.25}},
	}
	if diff := cmp.Diff(want, parseBenchmarks(text)); diff != "" {
		t.Error(diff)
	}
	if got := parseBenchmarks("FAIL\n"); got != nil {
		t.Error(got)
	}
}

func TestSpread(t *testing.T) {
	s := newSpread([]time.Duration{3 * time.Microsecond, time.Microsecond}, []time.Duration{2 * time.Microsecond})
	if s.at(0.5) != 2 || s.at(0.99) != 3 || newSpread().at(0.5) != 0 {
		t.Error(s)
	}
	if median([]float64{4, 1, 2, 3}) != 2.5 || median(nil) != 0 {
		t.Error("median")
	}
}
