package meter_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// FuzzRewrite holds the promise of the package documentation, on the input as a
// module and on a valid module made from the input: the engine accepts the
// rewritten module if and only if it accepts the original, and both compute the
// same.
func FuzzRewrite(f *testing.F) {
	seeds := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		b := make([]byte, 200)
		for i := range b {
			b[i] = byte(seeds.Uint32())
		}
		f.Add(b)
		f.Add((&gen{in: b}).module())
	}
	f.Add(body(0x23, 1, 0x1a))
	f.Add(body(0x00, 0x42, 0, 0xfc, 11, 0))
	f.Add(append(body(), section(0, cat("name", 0))...))
	evil, err := filepath.Glob("../testdata/evil/*.wasm")
	if err != nil || len(evil) == 0 {
		f.Fatalf("%d evil modules, %v", len(evil), err)
	}
	for _, file := range evil {
		wasm, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wasm)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e := newEngine(t, wazero.NewRuntimeConfigInterpreter())
		sameVerdict(t, e, data)
		sameResults(t, e, (&gen{in: data}).module())
	})
}

// TestGenerated is the fuzz target's work on fixed seeds, compiled.
func TestGenerated(t *testing.T) {
	seeds := rand.New(rand.NewPCG(3, 4))
	e := newEngine(t, nil)
	finished := 0
	for range 150 {
		b := make([]byte, 100+seeds.IntN(300))
		for i := range b {
			b[i] = byte(seeds.Uint32())
		}
		finished += sameResults(t, e, (&gen{in: b}).module())
		if t.Failed() {
			t.Fatalf("from %x", b)
		}
	}
	if finished < 150 {
		t.Errorf("only %d calls ended without a trap", finished)
	}
}

// TestMutated breaks valid modules in one place and compares the verdicts.
func TestMutated(t *testing.T) {
	seeds := rand.New(rand.NewPCG(5, 6))
	e := newEngine(t, wazero.NewRuntimeConfigInterpreter())
	refused, rejected, accepted := 0, 0, 0
	for range 60 {
		b := make([]byte, 200)
		for i := range b {
			b[i] = byte(seeds.Uint32())
		}
		wasm := (&gen{in: b}).module()
		for range 100 {
			broken := bytes.Clone(wasm)
			broken[8+seeds.IntN(len(broken)-8)] = byte(seeds.Uint32())
			switch sameVerdict(t, e, broken) {
			case byMeter:
				refused++
			case byEngine:
				rejected++
			default:
				accepted++
			}
		}
	}
	if refused == 0 || rejected == 0 || accepted == 0 {
		t.Errorf("refused %d, rejected %d, accepted %d", refused, rejected, accepted)
	}
}

type verdict int

const (
	byMeter verdict = iota
	byEngine
	byNone
)

// sameVerdict fails the test if one of original and rewritten is valid only.
func sameVerdict(t *testing.T, e *engine, wasm []byte) verdict {
	t.Helper()
	ctx := context.Background()
	input := bytes.Clone(wasm)
	m, err := meter.Rewrite(wasm, meter.Config{MaxMemoryPages: 1024})
	if !bytes.Equal(input, wasm) {
		t.Fatal("the input was changed")
	}
	if err != nil {
		var e *meter.Error
		if !errors.As(err, &e) || e.Kind == nil || e.Reason == "" {
			t.Fatalf("refused with %#v", err)
		}
		return byMeter
	}
	// The engine reads the name section and the rewrite drops it: what it holds
	// is no matter of validity.
	wasm, err = meter.WithCustom(wasm, "name", nil)
	if err != nil {
		t.Fatal(err)
	}
	before, errBefore := e.CompileModule(ctx, wasm)
	after, errAfter := e.CompileModule(ctx, m.Wasm)
	if (errBefore == nil) != (errAfter == nil) {
		t.Fatalf("the engine says of the original %v, of the rewritten %v\n%x", errBefore, errAfter, wasm)
	}
	if errBefore != nil {
		return byEngine
	}
	if err := errors.Join(before.Close(ctx), after.Close(ctx)); err != nil {
		t.Fatal(err)
	}
	return byNone
}

// sameResults runs every function of a generated module before and after the
// rewrite. It gives the number of calls that ended without a trap.
func sameResults(t *testing.T, e *engine, wasm []byte) (finished int) {
	t.Helper()
	ctx := context.Background()
	m, err := meter.Rewrite(wasm, meter.Config{})
	if err != nil {
		t.Fatalf("a valid module is refused: %v\n%x", err, wasm)
	}
	config := wazero.NewModuleConfig().WithName("")
	after, err := e.InstantiateWithConfig(ctx, m.Wasm, config)
	if err != nil {
		t.Fatalf("the rewritten module: %v\n%x", err, wasm)
	}
	defer after.Close(ctx)
	before, err := e.InstantiateWithConfig(ctx, wasm, config)
	if err != nil {
		t.Fatalf("the original: %v\n%x", err, wasm)
	}
	defer before.Close(ctx)
	for _, name := range []string{"a", "b", "c", "d"} {
		// The rewritten one goes first: only if it ends in time does the
		// original end.
		e.yields, e.stopAt = 0, 3
		got, err := call(t, after, name, 9, 77)
		if errors.Is(err, errStop) || err != nil && strings.Contains(err.Error(), "stack overflow") {
			return finished
		}
		want, errBefore := call(t, before, name, 9, 77)
		if trap(err) != trap(errBefore) || got != want {
			t.Fatalf("%s gave %d, %v; before the rewrite %d, %v\n%x", name, got, err, want, errBefore, wasm)
		}
		if diff := cmp.Diff(stateOf(before), stateOf(after)); diff != "" {
			t.Fatalf("%s left another state (-before +after):\n%s\n%x", name, diff, wasm)
		}
		if err == nil {
			finished++
		}
	}
	return finished
}

// trap is the first line of an error, which names the trap.
func trap(err error) string {
	if err == nil {
		return ""
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

type state struct {
	G, H uint64
	Mem  string
}

func stateOf(m api.Module) state {
	s := state{G: m.ExportedGlobal("g").Get(), H: m.ExportedGlobal("h").Get()}
	if mem, ok := m.Memory().Read(0, m.Memory().Size()); ok {
		s.Mem = string(mem)
	}
	return s
}
