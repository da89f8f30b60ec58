package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// StoreStats is what the store has written since it was opened. It only grows.
type StoreStats struct {
	// Writes are transactions, each with an fsync; Failed of them changed
	// nothing.
	Writes, Failed uint64
	// Waited is how long they waited for their turn in all, Took how long they
	// then took.
	Waited, Took time.Duration
}

// Store lets the metrics of the store be read from stats, whenever somebody
// collects them. It is called once.
func (m *Metrics) Store(stats func() StoreStats) {
	counter := func(name, help string, value func(StoreStats) float64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(
			prometheus.CounterOpts{Namespace: namespace, Subsystem: "store", Name: name, Help: help},
			func() float64 { return value(stats()) },
		))
	}
	counter("writes_total", "Write transactions of the store.", func(s StoreStats) float64 { return float64(s.Writes) })
	counter("write_failures_total", "Write transactions of the store that failed.", func(s StoreStats) float64 { return float64(s.Failed) })
	counter("write_queue_wait_seconds_total", "Time that writes waited for their turn.", func(s StoreStats) float64 { return s.Waited.Seconds() })
	counter("write_seconds_total", "Time that writes took, with making them durable.", func(s StoreStats) float64 { return s.Took.Seconds() })
}
