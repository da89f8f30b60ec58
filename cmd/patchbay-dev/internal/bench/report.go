package bench

import "time"

// Names of the targets.
const (
	Direct    = "direct"
	Floor     = "reverseproxy"
	Native    = "native"
	Sandboxed = "sandboxed"
	// Envelope and Mapped are sandboxed too, and get streams only: the host
	// takes an envelope off each event, or the guest maps each.
	Envelope = "envelope"
	Mapped   = "mapped"
)

// targets in the order of the table.
var (
	targets       = []string{Direct, Floor, Native, Sandboxed}
	streamTargets = []string{Direct, Floor, Native, Sandboxed, Envelope, Mapped}
)

// Report is everything that a run measured.
type Report struct {
	Plan    string    `json:"plan"`
	Started time.Time `json:"started"`
	// Took is in seconds.
	Took float64 `json:"took_s"`
	Go   string  `json:"go"`
	// Platform is GOOS/GOARCH, CPU the processor's name.
	Platform string `json:"platform"`
	CPU      string `json:"cpu"`
	CPUs     int    `json:"cpus"`
	// LoadBefore is the load average before the run: other work makes noise.
	LoadBefore string     `json:"load_before"`
	Scenarios  []Scenario `json:"scenarios"`
	Micro      []Micro    `json:"micro"`
	Budgets    []Budget   `json:"budgets"`
	// Raw is what the micro-benchmarks printed, for benchstat.
	Raw string `json:"-"`
}

// Scenario is one load on all targets.
type Scenario struct {
	// Name is such as "32 connections" or "1000 streams".
	Name        string `json:"name"`
	Connections int    `json:"connections"`
	Stream      bool   `json:"stream"`
	Rounds      int    `json:"rounds"`
	// Rows are in the order of targets, medians over the rounds.
	Rows []Row `json:"rows"`
}

// Row is what one target did under one load. Times are in microseconds; the
// processor time and the memory are of the target's process. Direct's are the
// upstream's.
type Row struct {
	Target string `json:"target"`
	Sample
	// RateRatio is the median over the rounds of the rate divided by the
	// floor's of the same round, RateLow and RateHigh the least and greatest.
	RateRatio float64 `json:"rate_ratio"`
	RateLow   float64 `json:"rate_ratio_low"`
	RateHigh  float64 `json:"rate_ratio_high"`
}

// Sample is what one round gives, or the median of several.
type Sample struct {
	// Requests that ended, and Events that arrived, in the round.
	Requests float64 `json:"requests"`
	Events   float64 `json:"events,omitempty"`
	// Rate is requests a second.
	Rate float64 `json:"requests_per_s"`
	// P50 and P99 are of a whole answer, and of the first event of a stream.
	P50 float64 `json:"p50_us"`
	P99 float64 `json:"p99_us"`
	// DelayP50 and DelayP99 are of an event, from the upstream to the client.
	DelayP50 float64 `json:"event_delay_p50_us,omitempty"`
	DelayP99 float64 `json:"event_delay_p99_us,omitempty"`
	// CPURequest is processor time a request, for streams with all its events.
	CPURequest float64 `json:"cpu_us_per_request"`
	// CPUEvent is processor time an event while all streams are open.
	CPUEvent float64 `json:"cpu_us_per_event,omitempty"`
	// Failed requests; only the floor's are borne.
	Failed float64 `json:"failed,omitempty"`
	// Memory is the greatest resident size seen, in MiB.
	Memory float64 `json:"rss_mib"`
}

// Micro is one micro-benchmark: the median of its runs.
type Micro struct {
	Name    string `json:"name"`
	Package string `json:"package"`
	Runs    int    `json:"runs"`
	// Values are by unit: ns/op, B/op, allocs/op and what the benchmark adds.
	Values map[string]float64 `json:"values"`
}

// Budget is one line of DESIGN.md section 6, measured.
type Budget struct {
	Name string `json:"name"`
	// Measured, with the least and greatest of its rounds, against Limit, which
	// it must not pass: AtLeast says from which side.
	Measured float64 `json:"measured"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	Limit    float64 `json:"limit"`
	AtLeast  bool    `json:"at_least"`
	Unit     string  `json:"unit"`
	Pass     bool    `json:"pass"`
}
