package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// used returns metrics in which every series that there can be exists.
func used() *Metrics {
	m := NewMetrics("1.2.3")
	m.Plugins(func() []PluginStats {
		return []PluginStats{{
			Plugin: "echo", Instances: 4, Leased: 1, MemoryBytes: 4 << 20, Calls: 10, Slices: 3, Waits: 2, Waited: 1500 * time.Millisecond,
			Faults: map[string]uint64{"trap": 1},
		}}
	})
	m.RequestBegan()
	m.StreamBegan()
	m.StreamEvent(25 * time.Millisecond)
	m.RequestEnded(Request{Route: "/v1/chat/completions", Model: "small", Status: 200, Stream: true, Attempts: 3, FirstByte: time.Second, Total: 2 * time.Second})
	failed := auth.Result{Provider: "echo", Error: &auth.Error{HTTPStatus: http.StatusTooManyRequests}}
	m.OnResult(context.Background(), failed)
	m.OnCooldown(context.Background(), failed, auth.Block{})
	m.OnResult(context.Background(), auth.Result{Provider: "echo", Success: true})
	m.OnRefresh(context.Background(), "echo", nil)
	m.OnRefresh(context.Background(), "echo", errors.New("no"))
	m.OnRefresh(context.Background(), "echo", &auth.Error{Code: auth.CodeNeedsLogin})
	m.Store(func() StoreStats { return StoreStats{Writes: 5, Failed: 1, Waited: time.Second, Took: 2 * time.Second} })
	return m
}

// page is what Prometheus would read.
func page(t testing.TB, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// TestMetricsFollowTheConventions: names, units and help are as promtool wants
// them.
func TestMetricsFollowTheConventions(t *testing.T) {
	families, err := used().registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestMetricsCount(t *testing.T) {
	got := page(t, used())
	for _, want := range []string{
		`patchbay_requests_total{model="small",route="/v1/chat/completions",status="200"} 1`,
		`patchbay_request_duration_seconds_sum{route="/v1/chat/completions",stream="true"} 2`,
		`patchbay_time_to_first_byte_seconds_sum{stream="true"} 1`,
		`patchbay_stream_event_interval_seconds_bucket{le="0.025"} 1`,
		`patchbay_requests_in_flight 0`,
		`patchbay_streams_open 0`,
		`patchbay_failovers_total 2`,
		`patchbay_attempts_total{outcome="quota",provider="echo"} 1`,
		`patchbay_attempts_total{outcome="success",provider="echo"} 1`,
		`patchbay_cooldowns_total{provider="echo",reason="quota"} 1`,
		`patchbay_refreshes_total{outcome="success",provider="echo"} 1`,
		`patchbay_refreshes_total{outcome="failed",provider="echo"} 1`,
		`patchbay_refreshes_total{outcome="needs_login",provider="echo"} 1`,
		`patchbay_store_writes_total 5`,
		`patchbay_store_write_failures_total 1`,
		`patchbay_store_write_queue_wait_seconds_total 1`,
		`patchbay_store_write_seconds_total 2`,
		`patchbay_plugin_instances{plugin="echo",state="leased"} 1`,
		`patchbay_plugin_instances{plugin="echo",state="idle"} 3`,
		`patchbay_plugin_memory_bytes{plugin="echo"} 4.194304e+06`,
		`patchbay_plugin_calls_total{plugin="echo"} 10`,
		`patchbay_plugin_fuel_slices_total{plugin="echo"} 3`,
		`patchbay_plugin_queue_waits_total{plugin="echo"} 2`,
		`patchbay_plugin_queue_wait_seconds_total{plugin="echo"} 1.5`,
		`patchbay_plugin_faults_total{fault="trap",plugin="echo"} 1`,
		`patchbay_build_info{goversion="go`,
		`go_goroutines `,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

// TestMetricsOfTwoServers: what one counts, another does not see.
func TestMetricsOfTwoServers(t *testing.T) {
	used()
	if strings.Contains(page(t, NewMetrics("1")), "patchbay_requests_total{") {
		t.Error("a registry is shared")
	}
}

// TestE05LabelsAreBounded: whatever is asked for, the series stay few.
func TestE05LabelsAreBounded(t *testing.T) {
	m := NewMetrics("1")
	for i := range 3 * maxModels {
		m.RequestBegan()
		m.RequestEnded(Request{Route: "/r", Model: fmt.Sprint("model-", i), Status: 200})
		m.OnResult(context.Background(), auth.Result{Provider: fmt.Sprint("provider-", i), Success: true})
	}
	for _, model := range []string{strings.Repeat("x", maxLabel+1), "bad\xff", "model-0(high)", ""} {
		m.RequestBegan()
		m.RequestEnded(Request{Route: "/r", Model: model, Status: 200})
	}
	got := page(t, m)
	if n := strings.Count(got, "\npatchbay_requests_total{"); n != maxModels+2 { // other, and none
		t.Errorf("%d series of requests", n)
	}
	if n := strings.Count(got, "\npatchbay_attempts_total{"); n != maxProviders+1 {
		t.Errorf("%d series of attempts", n)
	}
	if want := fmt.Sprintf(`patchbay_requests_total{model="other",route="/r",status="200"} %d`, 2*maxModels+2); !strings.Contains(got, want) {
		t.Errorf("no %s", want)
	}
	if want := `patchbay_requests_total{model="model-0",route="/r",status="200"} 2`; !strings.Contains(got, want) {
		t.Errorf("no %s: a suffix is not another model", want)
	}
}

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		status int
		want   string
	}{
		{429, outcomeQuota}, {401, outcomeUnauthorized}, {402, outcomeForbidden}, {403, outcomeForbidden}, {404, outcomeNotFound},
		{400, outcomeRequest}, {422, outcomeRequest}, {408, outcomeTransient}, {500, outcomeTransient}, {503, outcomeTransient}, {0, outcomeTransient},
	} {
		if got := outcomeOf(auth.Result{Error: &auth.Error{HTTPStatus: c.status}}); got != c.want {
			t.Errorf("%d is %s, want %s", c.status, got, c.want)
		}
	}
	if got := outcomeOf(auth.Result{}); got != outcomeTransient {
		t.Errorf("a failure without an error is %s", got)
	}
	if got := outcomeOf(auth.Result{Success: true, Error: &auth.Error{}}); got != outcomeSuccess {
		t.Errorf("a success is %s", got)
	}
}

func TestMetricsUnderConcurrency(t *testing.T) {
	m := NewMetrics("1")
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				m.RequestBegan()
				m.RequestEnded(Request{Route: "/r", Model: fmt.Sprint("m", i%20), Status: 200 + g})
				m.OnResult(context.Background(), auth.Result{Provider: fmt.Sprint("p", i%5), Success: i%2 == 0})
			}
		})
	}
	wg.Wait()
	if got := page(t, m); !strings.Contains(got, `patchbay_requests_total{model="m3",route="/r",status="203"} 10`) {
		t.Error(got)
	}
}

// TestCountingAllocatesNothing: once a series exists.
func TestCountingAllocatesNothing(t *testing.T) {
	m := used()
	r := Request{Route: "/v1/chat/completions", Model: "small", Status: 200, Stream: true, Attempts: 2, FirstByte: time.Second, Total: time.Second}
	result := auth.Result{Provider: "echo", Success: true}
	if n := testing.AllocsPerRun(100, func() {
		m.RequestBegan()
		m.StreamBegan()
		m.StreamEvent(time.Millisecond)
		m.OnResult(context.Background(), result)
		m.RequestEnded(r)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRequest(b *testing.B) {
	m := used()
	r := Request{Route: "/v1/chat/completions", Model: "small", Status: 200, Attempts: 1, FirstByte: time.Second, Total: time.Second}
	b.ReportAllocs()
	for b.Loop() {
		m.RequestBegan()
		m.RequestEnded(r)
	}
}

func BenchmarkEvent(b *testing.B) {
	m := used()
	b.ReportAllocs()
	for b.Loop() {
		m.StreamEvent(25 * time.Millisecond)
	}
}
