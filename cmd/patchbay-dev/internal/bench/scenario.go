package bench

import (
	"errors"
	"fmt"
	"time"
)

// scenario is one load, on all targets in turns.
type scenario struct {
	name        string
	connections int
	stream      bool
	rounds      int
	job         job
}

func scenariosOf(p Plan) []scenario {
	var all []scenario
	for _, n := range p.Whole {
		name := fmt.Sprintf("%d connections", n)
		if n == 1 {
			name = "1 connection"
		}
		all = append(all, scenario{name: name, connections: n, rounds: p.Rounds, job: job{Connections: n, Warm: p.Warm, Window: p.Window}})
	}
	for _, n := range p.Streams {
		all = append(all, scenario{name: fmt.Sprintf("%d streams", n), connections: n, stream: true, rounds: p.StreamRounds, job: job{Connections: n, Stream: true}})
	}
	return all
}

func (s scenario) targets() []string {
	if s.stream {
		return streamTargets
	}
	return targets
}

// roundsOf is what a scenario gave: by round, then by target.
type roundsOf struct {
	scenario
	samples []map[string]Sample
}

// measure runs a scenario. Its targets are started for it, so that nothing of
// another load is left in their memory; one round that does not count warms
// them up. Each round begins with another target.
func (b *bench) measure(s scenario) (roundsOf, error) {
	out := roundsOf{scenario: s}
	targets := s.targets()
	running, err := b.startTargets(targets)
	defer func() {
		for _, c := range running {
			if c != b.upstream {
				c.stop()
			}
		}
	}()
	if err != nil {
		return out, err
	}
	for round := -1; round < s.rounds; round++ {
		b.logf("%s: round %d of %d", s.name, round+1, s.rounds)
		samples := map[string]Sample{}
		for i := range targets {
			name := targets[(i+round+len(targets))%len(targets)]
			if samples[name], err = b.round(s.job, running[name]); err != nil {
				return out, fmt.Errorf("%s, %s: %w", s.name, name, err)
			}
		}
		if round >= 0 {
			out.samples = append(out.samples, samples)
		}
	}
	return out, nil
}

// startTargets starts targets. With an error come those that were started.
func (b *bench) startTargets(names []string) (map[string]*child, error) {
	running := map[string]*child{}
	for _, name := range names {
		c, err := b.startTarget(name)
		if err != nil {
			return running, err
		}
		running[name] = c
	}
	return running, nil
}

// startTarget starts one; direct is the upstream itself.
func (b *bench) startTarget(name string) (*child, error) {
	switch name {
	case Direct:
		return b.upstream, nil
	case Floor, Native:
		return b.spawn.start(b.ctx, role{Name: name, Upstream: b.upstream.Addr, Dir: b.dir})
	}
	if b.servers[name].key == "" {
		if err := b.prepareServer(name); err != nil {
			return nil, err
		}
	}
	s := b.servers[name]
	c, err := b.serve(s.dir)
	if err != nil {
		return nil, err
	}
	c.Key = s.key
	return c, nil
}

// round lets the load generator at one target, and reads the target's
// processor time and memory at the marks. A failed request is an error, but for
// the floor, which on a busy machine breaks a stream now and then off: net/http
// lets it close a request's body while its own transport still reads the end.
func (b *bench) round(j job, target *child) (Sample, error) {
	j.Addr, j.Key = target.Addr, target.Key
	var w watch
	w.pid = target.PID
	r, err := b.load.run(j, w.at)
	if err != nil {
		return Sample{}, err
	}
	if r.Failed > 0 && (target.name != Floor || r.Failed > r.Requests/100) {
		return Sample{}, fmt.Errorf("%d of %d requests failed, the first with: %s", r.Failed, r.Requests+r.Failed, r.Failure)
	}
	if r.Requests == 0 {
		return Sample{}, errors.New("no request ended in the round; make it longer")
	}
	return w.sample(j, r), nil
}

// watch follows a target through a round.
type watch struct {
	pid    int
	cpu    map[string]time.Duration
	events map[string]int64
	memory int64
}

func (w *watch) at(m mark) error {
	if w.cpu == nil {
		w.cpu, w.events = map[string]time.Duration{}, map[string]int64{}
	}
	cpu, err := cpuTime(w.pid)
	if err != nil {
		return err
	}
	memory, err := residentBytes(w.pid)
	if err != nil {
		return err
	}
	w.cpu[m.Name], w.events[m.Name] = cpu, m.Events
	w.memory = max(w.memory, memory)
	return nil
}

func (w *watch) sample(j job, r *result) Sample {
	s := Sample{
		Requests: float64(r.Requests), Events: float64(r.Events),
		Rate: float64(r.Requests) / r.Elapsed.Seconds(),
		P50:  r.P50, P99: r.P99, DelayP50: r.DelayP50, DelayP99: r.DelayP99,
		Memory: float64(w.memory) / (1 << 20), Failed: float64(r.Failed),
	}
	last := markEnding
	if j.Stream {
		last = markEnd
		// Without a time at which all were open, there is nothing to say.
		if n := w.events[markEnding] - w.events[markOpen]; w.events[markOpen] > 0 && n > 0 {
			s.CPUEvent = micros(w.cpu[markEnding]-w.cpu[markOpen]) / float64(n)
		}
	}
	s.CPURequest = micros(w.cpu[last]-w.cpu[markBegin]) / float64(r.Requests)
	return s
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
