package bench

import "time"

// Plan says how much is measured. Everything in it is bounded, in number and in
// time.
type Plan struct {
	// Name is full or quick, for the report.
	Name string
	// Whole lists the numbers of connections with whole answers, Streams those
	// with streams.
	Whole, Streams []int
	// Rounds of each, and how long a round of whole answers counts; StreamRounds
	// take as long as their streams.
	Rounds, StreamRounds int
	Window, Warm         time.Duration
	// Plugins that a start loads from the compile cache, and how often it is
	// tried.
	Plugins, Starts int
	// MicroTime and MicroCount are go test's benchtime and count.
	MicroTime  string
	MicroCount int
	// Limit is when the whole run is given up.
	Limit time.Duration
}

// Full is what the budgets are judged by: some five minutes.
func Full() Plan {
	return Plan{
		Name: "full", Whole: []int{1, 32, 256}, Streams: []int{200, 1000},
		Rounds: 9, StreamRounds: 7, Window: time.Second, Warm: 250 * time.Millisecond,
		Plugins: 10, Starts: 5, MicroTime: "300ms", MicroCount: 5, Limit: 20 * time.Minute,
	}
}

// Quick is a smoke run.
func Quick() Plan {
	return Plan{
		Name: "quick", Whole: []int{1, 32, 256}, Streams: []int{200, 1000},
		Rounds: 2, StreamRounds: 1, Window: 250 * time.Millisecond, Warm: 100 * time.Millisecond,
		Plugins: 10, Starts: 1, MicroTime: "20ms", MicroCount: 1, Limit: 10 * time.Minute,
	}
}
