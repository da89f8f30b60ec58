package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Names of micro-benchmarks that are judged.
const (
	emptyCall   = "EmptyCall/assembled"
	guestEvent  = "MappedEvent/module/one"
	driverEvent = "MappedEvent"
	pickFew     = "Pick/round-robin/10"
	pickMany    = "Pick/round-robin/100000"
	openLoad    = "OpenAndLoad"
	barePut     = "Durable/bbolt-put"
	tokenCommit = "Durable/commit"
	markAlone   = "Mark/alone"
	markStored  = "Mark/stored"
	triedFew    = "PickTried/1"
	triedMany   = "PickTried/64"
	mixedFew    = "Pick/mixed/10"
	mixedMany   = "Pick/mixed/100000"
	markFailure = "Mark/failure"
	markSuccess = "Mark/success"
	crowdMemory = "Memory"
)

// pickStates are the benchmarks of a pick by how things stand: each among 10 and
// among 100,000.
var pickStates = []string{"all", "one", "none", "marked"}

// suite is a set of benchmarks of one package.
type suite struct{ pkg, pattern string }

// suites are the micro-benchmarks beside the run. They belong to their
// packages; only their names stand here.
var suites = []suite{
	{"./plugins/direct", "^BenchmarkEmptyCall$"},
	{"./plugins/meter", "^BenchmarkOverhead$/^go$"},
	{"./sdk-guest", "^BenchmarkMappedEvent$/^module$"},
	{"./host/driver", "^Benchmark(MappedEvent|PassedEvent|WholeAnswer)$"},
	{"./host/schedule", "^BenchmarkPick$/^(round-robin|mixed)$"},
	{"./boltstore", "^Benchmark(OpenAndLoad|Durable|Mark)$"},
	{"./host/schedule", "^BenchmarkPickState$"},
	{"./host/schedule", "^BenchmarkPickTried$"},
	{"./host", "^BenchmarkMark$"},
	{"./host", "^BenchmarkMemory$"},
}

// measureMicro runs the micro-benchmarks, one package after the other, and
// returns the medians and what they printed.
func (b *bench) measureMicro() ([]Micro, string, error) {
	var all []Micro
	var raw strings.Builder
	for _, s := range slices.Concat(suites, evilSuites) {
		b.logf("go test -bench %s %s", s.pattern, s.pkg)
		text, err := b.output(b.root, "go", "test", "-run=^$", "-bench="+s.pattern, "-benchmem",
			"-benchtime="+b.opts.Plan.MicroTime, "-count="+strconv.Itoa(b.opts.Plan.MicroCount), s.pkg)
		if err != nil {
			return nil, "", err
		}
		found := parseBenchmarks(text)
		if len(found) == 0 {
			return nil, "", fmt.Errorf("go test -bench %s %s ran no benchmark", s.pattern, s.pkg)
		}
		all = append(all, found...)
		raw.WriteString(text + "\n")
	}
	return all, raw.String(), nil
}

// parseBenchmarks reads the output of go test -bench, and gives the median of
// each value of each benchmark, in the order of their first appearance.
func parseBenchmarks(text string) []Micro {
	type key struct{ name, unit string }
	values := map[key][]float64{}
	var order []Micro
	units := map[string][]string{}
	pkg := ""
	for line := range strings.Lines(text) {
		if p, ok := strings.CutPrefix(line, "pkg: "); ok {
			pkg = strings.TrimSpace(p)
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := strings.TrimPrefix(withoutProcs(fields[0]), "Benchmark")
		if _, known := units[name]; !known {
			order = append(order, Micro{Name: name, Package: pkg, Values: map[string]float64{}})
		}
		for i := 2; i+1 < len(fields); i += 2 {
			v, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				break
			}
			k := key{name, fields[i+1]}
			if values[k] == nil {
				units[name] = append(units[name], k.unit)
			}
			values[k] = append(values[k], v)
		}
	}
	for i, m := range order {
		for _, unit := range units[m.Name] {
			v := values[key{m.Name, unit}]
			order[i].Runs = len(v)
			m.Values[unit] = median(v)
		}
	}
	return order
}

// withoutProcs cuts the -N that go test puts behind a name on N processors.
func withoutProcs(name string) string {
	i := strings.LastIndexByte(name, '-')
	if i < 0 || strings.Trim(name[i+1:], "0123456789") != "" {
		return name
	}
	return name[:i]
}
