package bench

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// shortest measures everything there is, each as little as can be.
func shortest() Plan {
	return Plan{
		Name: "test", Whole: []int{1, 4}, Streams: []int{5}, Rounds: 1, StreamRounds: 1,
		Window: 100 * time.Millisecond, Warm: 20 * time.Millisecond,
		Plugins: 2, Starts: 1, MicroTime: "1x", MicroCount: 1, Limit: 10 * time.Minute,
	}
}

// TestARunHasEveryRow runs the whole benchmark with real processes. Nothing in
// it looks at how long anything took.
func TestARunHasEveryRow(t *testing.T) {
	var progress bytes.Buffer
	r, err := Run(t.Context(), Options{Plan: shortest(), Child: childArg, Progress: &progress})
	if err != nil {
		t.Fatalf("%v\n%s", err, progress.String())
	}
	if got, want := len(r.Scenarios), 3; got != want {
		t.Fatalf("%d scenarios, want %d", got, want)
	}
	for _, s := range r.Scenarios {
		if len(s.Rows) != len(scenario{stream: s.Stream}.targets()) || s.Rounds != 1 {
			t.Errorf("%s: %d rows of %d rounds", s.Name, len(s.Rows), s.Rounds)
		}
		for _, row := range s.Rows {
			values := map[string]float64{"requests": row.Requests, "rate": row.Rate, "p50": row.P50, "p99": row.P99, "memory": row.Memory, "ratio": row.RateRatio}
			if s.Stream {
				values["events"], values["delay p50"], values["delay p99"] = row.Events, row.DelayP50, row.DelayP99
			}
			for name, v := range values {
				if v <= 0 {
					t.Errorf("%s, %s: %s is %v", s.Name, row.Target, name, v)
				}
			}
		}
	}
	for _, name := range []string{emptyCall, guestEvent, driverEvent, pickFew, pickMany, "start with 2 plugins in the compile cache"} {
		found := false
		for _, m := range r.Micro {
			found = found || m.Name == name && m.Runs > 0 && len(m.Values) > 0
		}
		if !found {
			t.Errorf("there is no micro-benchmark %s", name)
		}
	}
	if got, want := len(r.Budgets), 40; got != want {
		t.Errorf("%d budgets are judged, want %d", got, want)
	}
	if !strings.Contains(r.Raw, "BenchmarkPick") {
		t.Error("there is nothing for benchstat")
	}
	var table bytes.Buffer
	if err := Print(&table, r); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"1 connection, 1 rounds", "5 streams", Sandboxed, Floor, Envelope, Mapped, "micro-benchmarks", "budgets"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, table.String())
		}
	}
	noChildren(t)
}

// TestNothingIsLeft ends a run in its middle.
func TestNothingIsLeft(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	// Nothing is built: the files are only looked for when they are used.
	o := Options{Plan: shortest(), Child: childArg, Patchbay: os.Args[0], Plugin: os.Args[0]}
	o.Progress = writerFunc(func(line []byte) {
		if bytes.Contains(line, []byte("round")) {
			cancel(enough)
		}
	})
	o.Plan.Window = time.Minute
	b, err := newBench(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	floor, err := b.spawn.start(ctx, role{Name: "reverseproxy", Upstream: b.upstream.Addr})
	if err != nil {
		t.Fatal(err)
	}
	b.logf("round")
	if _, err := b.round(job{Connections: 1, Window: time.Minute}, floor); err == nil {
		t.Error("a round went on after its context")
	}
	floor.stop()
	if err := b.close(); err != nil {
		t.Error(err)
	}
	if !errors.Is(explained(ctx, errors.New("broken pipe")), enough) {
		t.Error("the error does not say why the run ended")
	}
	if _, err := os.Stat(b.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there", b.dir)
	}
	noChildren(t)
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

// noChildren looks for processes that this one started.
func noChildren(t *testing.T) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range stats {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue // it ended meanwhile
		}
		fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			t.Errorf("a child is left: %s", raw)
		}
	}
}

func TestARoleThatIsNone(t *testing.T) {
	s := spawner{program: os.Args[0], subcommand: childArg}
	if c, err := s.start(t.Context(), role{Name: "nobody"}); err == nil {
		c.stop()
		t.Error("a child without a role is ready")
	}
	_, err := s.start(t.Context(), role{Name: "command", Command: []string{"/bin/sh", "-c", "echo no key >&2; exit 3"}, Log: filepath.Join(t.TempDir(), "log")})
	if err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("a server that does not start gives %v, want its last words", err)
	}
	noChildren(t)
}

func TestWhatAProcessUses(t *testing.T) {
	sum := 0.0
	for i := range 200_000_000 {
		sum += float64(i)
	}
	cpu, err := cpuTime(os.Getpid())
	if err != nil || cpu <= 0 {
		t.Error(cpu, err, sum)
	}
	memory, err := residentBytes(os.Getpid())
	if err != nil || memory < 1<<20 {
		t.Error(memory, err)
	}
	if _, err := cpuTime(0); err == nil {
		t.Error("there is no process 0")
	}
	if model, load := machine(); load == "" {
		t.Error(model, load)
	}
}
