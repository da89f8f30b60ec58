package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// PluginStats is what a plugin has done since the server started, in all its
// versions, and what it holds now.
type PluginStats struct {
	Plugin string
	// Instances exist; Leased of them are in a call.
	Instances, Leased int
	MemoryBytes       int64
	// Calls, Slices of fuel, calls that had to wait for an instance and how long
	// they did in all, only ever grow.
	Calls, Slices, Waits uint64
	Waited               time.Duration
	// Faults by kind.
	Faults map[string]uint64
}

// Plugins lets the metrics of plugins be read from stats, whenever somebody
// collects them. It is called once.
func (m *Metrics) Plugins(stats func() []PluginStats) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+"_plugin_"+name, help, append([]string{"plugin"}, labels...), nil)
	}
	m.registry.MustRegister(&pluginCollector{
		stats:     stats,
		instances: desc("instances", "Instances that exist, by what they do.", "state"),
		memory:    desc("memory_bytes", "Memory of all instances together."),
		calls:     desc("calls_total", "Calls begun, also those that got no instance."),
		slices:    desc("fuel_slices_total", "Slices of fuel used up: a measure of the work of a plugin."),
		waits:     desc("queue_waits_total", "Calls that had to wait for an instance."),
		waited:    desc("queue_wait_seconds_total", "Time that calls waited for an instance."),
		faults:    desc("faults_total", "Calls that failed in the sandbox or on their way into it.", "fault"),
	})
}

type pluginCollector struct {
	stats                                                   func() []PluginStats
	instances, memory, calls, slices, waits, waited, faults *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *pluginCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.instances, c.memory, c.calls, c.slices, c.waits, c.waited, c.faults} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *pluginCollector) Collect(to chan<- prometheus.Metric) {
	for _, s := range c.stats() {
		send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
			to <- prometheus.MustNewConstMetric(d, kind, v, append([]string{s.Plugin}, labels...)...)
		}
		send(c.instances, prometheus.GaugeValue, float64(s.Leased), "leased")
		send(c.instances, prometheus.GaugeValue, float64(max(s.Instances-s.Leased, 0)), "idle")
		send(c.memory, prometheus.GaugeValue, float64(s.MemoryBytes))
		send(c.calls, prometheus.CounterValue, float64(s.Calls))
		send(c.slices, prometheus.CounterValue, float64(s.Slices))
		send(c.waits, prometheus.CounterValue, float64(s.Waits))
		send(c.waited, prometheus.CounterValue, s.Waited.Seconds())
		for fault, n := range s.Faults {
			send(c.faults, prometheus.CounterValue, float64(n), fault)
		}
	}
}
