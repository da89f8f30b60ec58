package telemetry

import (
	"context"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// namespace begins the name of every metric of ours.
const namespace = "patchbay"

// Buckets, in seconds.
var (
	requestBuckets = []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}
	firstBuckets   = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	eventBuckets   = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30}
)

// Metrics counts what the server does, in a registry of its own. What is called
// on the path of a request allocates nothing once a series exists, and takes no
// lock. It is safe for concurrent use; make one with NewMetrics.
//
// It is an auth.Hook that is also told of cooldowns and refreshes, and the methods about
// requests are what host/gateway tells an observer.
type Metrics struct {
	auth.NoopHook

	registry *prometheus.Registry

	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	firsts    *prometheus.HistogramVec
	gaps      prometheus.Observer
	inFlight  prometheus.Gauge
	streams   prometheus.Gauge
	failovers prometheus.Counter
	attempts  *prometheus.CounterVec
	cooldowns *prometheus.CounterVec
	refreshes *prometheus.CounterVec

	models, providers names

	requestSeries  table[requestKey, prometheus.Counter]
	durationSeries table[durationKey, prometheus.Observer]
	firstSeries    table[bool, prometheus.Observer]
	attemptSeries  table[attemptKey, prometheus.Counter]
	cooldownSeries table[attemptKey, prometheus.Counter]
	refreshSeries  table[attemptKey, prometheus.Counter]
}

type requestKey struct {
	route, model string
	status       int
}

type durationKey struct {
	route  string
	stream bool
}

type attemptKey struct{ provider, outcome string }

var (
	_ auth.Hook             = (*Metrics)(nil)
	_ auth.CooldownObserver = (*Metrics)(nil)
	_ auth.RefreshObserver  = (*Metrics)(nil)
)

// NewMetrics returns metrics of a server of this version, with those of the
// process and of the Go runtime.
func NewMetrics(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), models: names{most: maxModels}, providers: names{most: maxProviders}}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
		m.registry.MustRegister(v)
		return v
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
		m.registry.MustRegister(v)
		return v
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
		m.registry.MustRegister(g)
		return g
	}
	m.requests = counter("requests_total", "Requests of clients that have ended. The model is empty when it is not known here.", "route", "model", "status")
	m.durations = histogram("request_duration_seconds", "How long requests took, from their header to the last byte of the answer.", requestBuckets, "route", "stream")
	m.firsts = histogram("time_to_first_byte_seconds", "How long it took until the first byte of a successful answer was sent.", firstBuckets, "stream")
	m.gaps = histogram("stream_event_interval_seconds", "Time between two pieces of a stream, as they were sent.", eventBuckets).WithLabelValues()
	m.inFlight = gauge("requests_in_flight", "Requests that are being answered.")
	m.streams = gauge("streams_open", "Answers that are being streamed.")
	m.failovers = counter("failovers_total", "Attempts after the first of a request.").WithLabelValues()
	m.attempts = counter("attempts_total", "Attempts at providers whose outcome is known.", "provider", "outcome")
	m.cooldowns = counter("cooldowns_total", "Times that a credential, or a model of one, was taken out of service for a while.", "provider", "reason")
	m.refreshes = counter("refreshes_total", "Refreshes of credentials that providers were asked for.", "provider", "outcome")
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info", Help: "What is running; always 1."}, []string{"version", "goversion"})
	build.WithLabelValues(version, runtime.Version()).Set(1)
	m.registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler answers with all metrics, in the formats that Prometheus reads. At
// most a few answers are made at a time.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// Request is what is counted of a request that has ended.
type Request struct {
	// Route is the one of ours that matched; empty for none.
	Route string
	// Model is the name that was asked for, if this server knows it.
	Model string
	// Status of the answer.
	Status int
	// Stream: the answer was a stream, for which StreamBegan was called.
	Stream bool
	// Attempts that were made at providers.
	Attempts int
	// FirstByte and Total are since the header came; FirstByte is 0 when
	// nothing was sent.
	FirstByte, Total time.Duration
}

// RequestBegan counts a request that came.
func (m *Metrics) RequestBegan() { m.inFlight.Inc() }

// StreamBegan counts an answer that becomes a stream.
func (m *Metrics) StreamBegan() { m.streams.Inc() }

// StreamEvent is told the time between two pieces of a stream.
func (m *Metrics) StreamEvent(gap time.Duration) { m.gaps.Observe(gap.Seconds()) }

// RequestEnded counts a request for which RequestBegan was called.
func (m *Metrics) RequestEnded(r Request) {
	m.inFlight.Dec()
	if r.Stream {
		m.streams.Dec()
	}
	if r.Route == "" {
		r.Route = "none"
	}
	model := m.models.label(auth.CanonicalModel(r.Model))
	m.requestSeries.get(requestKey{r.Route, model, r.Status}, m.newRequests).Inc()
	m.durationSeries.get(durationKey{r.Route, r.Stream}, m.newDurations).Observe(r.Total.Seconds())
	if r.FirstByte > 0 && r.Status < http.StatusBadRequest && r.Attempts > 0 {
		m.firstSeries.get(r.Stream, m.newFirsts).Observe(r.FirstByte.Seconds())
	}
	if r.Attempts > 1 {
		m.failovers.Add(float64(r.Attempts - 1))
	}
}

// OnResult counts the outcome of an attempt. It implements auth.Hook.
func (m *Metrics) OnResult(_ context.Context, r auth.Result) {
	m.attemptSeries.get(attemptKey{m.providers.label(r.Provider), outcomeOf(r)}, m.newAttempts).Inc()
}

// OnCooldown counts a block that begins. It implements auth.CooldownObserver.
func (m *Metrics) OnCooldown(_ context.Context, r auth.Result, _ auth.Block) {
	m.cooldownSeries.get(attemptKey{m.providers.label(r.Provider), outcomeOf(r)}, m.newCooldowns).Inc()
}

// OnRefresh counts a refresh. It implements auth.RefreshObserver.
func (m *Metrics) OnRefresh(_ context.Context, provider string, err error) {
	m.refreshSeries.get(attemptKey{m.providers.label(provider), refreshOutcomeOf(err)}, m.newRefreshes).Inc()
}

func (m *Metrics) newRequests(k requestKey) prometheus.Counter {
	return m.requests.WithLabelValues(k.route, k.model, strconv.Itoa(k.status))
}

func (m *Metrics) newDurations(k durationKey) prometheus.Observer {
	return m.durations.WithLabelValues(k.route, strconv.FormatBool(k.stream))
}

func (m *Metrics) newFirsts(stream bool) prometheus.Observer {
	return m.firsts.WithLabelValues(strconv.FormatBool(stream))
}

func (m *Metrics) newAttempts(k attemptKey) prometheus.Counter {
	return m.attempts.WithLabelValues(k.provider, k.outcome)
}

func (m *Metrics) newRefreshes(k attemptKey) prometheus.Counter {
	return m.refreshes.WithLabelValues(k.provider, k.outcome)
}

func (m *Metrics) newCooldowns(k attemptKey) prometheus.Counter {
	return m.cooldowns.WithLabelValues(k.provider, k.outcome)
}
