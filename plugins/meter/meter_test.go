package meter_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero/api"

	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// call runs an exported function and gives its first result.
func call(t testing.TB, m api.Module, name string, args ...uint64) (uint64, error) {
	t.Helper()
	out, err := m.ExportedFunction(name).Call(t.Context(), args...)
	if err != nil || len(out) == 0 {
		return 0, err
	}
	return out[0], nil
}

// TestEveryEndlessShapeYields: whatever way a module finds to go on for ever,
// the host is asked again and again, and can stop it.
func TestEveryEndlessShapeYields(t *testing.T) {
	big := func(a asm) asm {
		a.memories = [][]byte{cat(0, uleb(1024))}
		a.tables = [][]byte{cat(funcref, 0, uleb(90_000)), {funcref, 0, 8}}
		return a
	}
	two := func(a, b []byte) asm { // f is the first of two functions
		m := one(void, nil, 0x0b)
		m.funcs, m.codes = [][]byte{{0}, {0}}, [][]byte{a, b}
		return m
	}
	// Recursion must not run into the end of the stack first: 30 levels of a
	// tree of calls are two thousand million calls.
	tree := func(callee ...any) []byte {
		again := cat(0x20, 0, 0x41, 1, 0x6b, callee)
		return cat(0x20, 0, 0x04, 0x40, again, again, 0x0b)
	}
	from30 := func(bodies ...[]byte) asm {
		m := one(void, nil, 0x0b)
		m.types, m.funcs = [][]byte{void, funcType(i32, 0)}, [][]byte{{0}}
		m.codes = [][]byte{code(nil, 0x41, 30, 0x10, 1, 0x0b)}
		for _, b := range bodies {
			m.funcs, m.codes = append(m.funcs, []byte{1}), append(m.codes, b)
		}
		m.elements = [][]byte{cat(0, 0x41, 0, 0x0b, 1, 1)}
		return m
	}
	for name, a := range map[string]asm{
		"loop":             one(void, nil, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b),
		"loop behind nop":  one(void, nil, 0x01, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b),
		"br_if loop":       one(void, nil, 0x03, 0x40, 0x41, 1, 0x0d, 0, 0x0b, 0x0b),
		"br_table loop":    one(void, nil, 0x03, 0x40, 0x41, 7, 0x0e, 1, 0, 0, 0x0b, 0x0b),
		"loop from within": one(void, nil, 0x03, 0x40, 0x02, 0x40, 0x41, 1, 0x04, 0x40, 0x0c, 2, 0x0b, 0x0b, 0x0b, 0x0b),
		"second loop":      one(void, nil, 0x03, 0x40, 0x0b, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b),
		"inner loop":       one(void, nil, 0x03, 0x40, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b, 0x0b),
		"outer loop":       one(void, nil, 0x03, 0x40, 0x03, 0x40, 0x0b, 0x0c, 0, 0x0b, 0x0b),
		"loop with values": one(void, nil, 0x41, 3, 0x03, 0, 0x0c, 0, 0x0b, 0x0b),
		"loop of calls":    two(code(nil, 0x03, 0x40, 0x10, 1, 0x0c, 0, 0x0b, 0x0b), code(nil, 0x0b)),
		"direct recursion": from30(code(nil, tree(0x10, 1), 0x0b)),
		"mutual recursion": from30(code(nil, tree(0x10, 2), 0x0b), code(nil, tree(0x10, 1), 0x0b)),
		"indirect":         from30(code(nil, tree(0x41, 0, 0x11, 1, 0), 0x0b)),
		"memory.fill":      big(one(void, nil, 0x03, 0x40, 0x41, 0, 0x41, 1, 0x41, sleb(64<<20), 0xfc, 11, 0, 0x0c, 0, 0x0b, 0x0b)),
		"memory.copy":      big(one(void, nil, 0x03, 0x40, 0x41, 0, 0x41, 1, 0x41, sleb(1<<20), 0xfc, 10, 0, 0, 0x0c, 0, 0x0b, 0x0b)),
		"memory.grow":      one(void, nil, 0x03, 0x40, 0x41, 1, 0x40, 0, 0x1a, 0x0c, 0, 0x0b, 0x0b),
		"memory.grow of 0": one(void, nil, 0x03, 0x40, 0x41, 0, 0x40, 0, 0x1a, 0x0c, 0, 0x0b, 0x0b),
		"table.fill":       big(one(void, nil, 0x03, 0x40, 0x41, 0, 0xd0, funcref, 0x41, sleb(90_000), 0xfc, 17, 0, 0x0c, 0, 0x0b, 0x0b)),
		"table.copy":       big(one(void, nil, 0x03, 0x40, 0x41, 0, 0x41, 1, 0x41, sleb(89_000), 0xfc, 14, 0, 0, 0x0c, 0, 0x0b, 0x0b)),
		"table.grow":       one(void, nil, 0x03, 0x40, 0xd0, funcref, 0x41, 1, 0xfc, 15, 0, 0x1a, 0x0c, 0, 0x0b, 0x0b),
		"ref.func":         one(void, nil, 0x03, 0x40, 0xd2, 0, 0x1a, 0x0c, 0, 0x0b, 0x0b),
		"vectors":          one(void, nil, 0x03, 0x40, 0xfd, 12, rep(16, 3), 0xfd, 0xae, 1, 0x1a, 0x0c, 0, 0x0b, 0x0b),
	} {
		if name == "loop with values" {
			a.types = append([][]byte{void}, funcType(i32, 0, i32))
			a.codes = [][]byte{code(nil, 0x41, 3, 0x03, 1, 0x0c, 0, 0x0b, 0x1a, 0x0b)}
		}
		if name == "vectors" {
			a.codes = [][]byte{code([][2]int{{1, v128}}, 0x03, 0x40, 0x20, 0, 0xfd, 12, rep(16, 3), 0xfd, 0xae, 1, 0x21, 0, 0x0c, 0, 0x0b, 0x0b)}
		}
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, nil)
			e.stopAt = 6
			m := e.instance(t, rewrite(t, a.bytes()).Wasm)
			if _, err := call(t, m, "f"); !errors.Is(err, errStop) {
				t.Errorf("ended with %v after %d yields", err, e.yields)
			}
		})
	}
	t.Run("start section", func(t *testing.T) {
		e := newEngine(t, nil)
		e.stopAt = 6
		a := one(void, nil, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b)
		a.start = []byte{0}
		if _, err := e.Instantiate(t.Context(), rewrite(t, a.bytes()).Wasm); !errors.Is(err, errStop) {
			t.Errorf("ended with %v after %d yields", err, e.yields)
		}
	})
}

// spent runs f in a fresh instance and gives the units it was charged. For that
// it exports the counter, the global behind the module's own, from the
// rewritten module.
func spent(t *testing.T, a asm, args ...uint64) int64 {
	t.Helper()
	wasm := rewrite(t, a.bytes()).Wasm
	at := len("\x00asm\x01\x00\x00\x00")
	var out []byte
	out = append(out, wasm[:at]...)
	for at < len(wasm) {
		id, size, n := wasm[at], 0, 0
		for shift := 0; ; shift += 7 {
			n++
			c := wasm[at+n]
			size |= int(c&0x7f) << shift
			if c < 0x80 {
				break
			}
		}
		payload := wasm[at+1+n : at+1+n+size]
		if id == 7 {
			payload = append(cat(int(payload[0])+1), payload[1:]...)
			payload = append(payload, cat("counter", 3, len(a.globals))...)
		}
		out = append(out, section(int(id), payload)...)
		at += 1 + n + size
	}
	e := newEngine(t, nil)
	m := e.instance(t, out)
	counter := m.ExportedGlobal("counter").(api.MutableGlobal)
	const start = 1 << 50
	counter.Set(start)
	if _, err := call(t, m, "f", args...); err != nil {
		t.Fatal(err)
	}
	return start - int64(counter.Get())
}

// TestWeights: what a call costs, by the rules of the package documentation.
func TestWeights(t *testing.T) {
	// a loop of n turns: 1 get, const, sub, tee, br_if, end
	countdown := cat(0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0)
	n := funcType(i32, 0)
	wide := func(a asm) asm { a.memories = [][]byte{cat(0, uleb(200))}; return a }
	for name, c := range map[string]struct {
		a    asm
		args []uint64
		want int64
	}{
		"empty":             {one(void, nil, 0x0b), nil, 1},
		"straight":          {one(void, nil, 0x41, 1, 0x1a, 0x0b), nil, 3},
		"dead code counts":  {one(void, nil, 0x0f, 0x01, 0x01, 0x0b), nil, 4},
		"loop":              {one(n, nil, 0x01, 0x03, 0x40, countdown, 0x0b, 0x0b), []uint64{10}, 3 + 10*6},
		"loop first":        {one(n, nil, 0x03, 0x40, countdown, 0x0b, 0x0b), []uint64{10}, 10 * (2 + 6)},
		"long entry":        {one(n, nil, 0x03, 0x40, countdown, 0x0b, rep(50, 0x01), 0x0b), []uint64{10}, 52 + 10*6},
		"nested loops":      {one(n, nil, 0x01, 0x03, 0x40, 0x03, 0x40, 0x0b, countdown, 0x0b, 0x0b), []uint64{10}, 3 + 10*(7+1)},
		"load":              {one(void, nil, 0x41, 0, 0x28, 2, 0, 0x1a, 0x0b), nil, 1 + 24 + 2},
		"call":              {calls(0x10, 1), nil, 4 + 1 + 1},
		"ref.func":          {one(void, nil, 0xd2, 0, 0x1a, 0x0b), nil, 3},
		"memory.fill":       {one(n, nil, 0x41, 0, 0x41, 1, 0x20, 0, 0xfc, 11, 0, 0x0b), []uint64{6400}, 3 + 16 + 1 + 1600},
		"memory.fill of 0":  {one(n, nil, 0x41, 0, 0x41, 1, 0x20, 0, 0xfc, 11, 0, 0x0b), []uint64{0}, 3 + 16 + 1},
		"memory.copy":       {one(n, nil, 0x41, 0, 0x41, 1, 0x20, 0, 0xfc, 10, 0, 0, 0x0b), []uint64{6400}, 3 + 16 + 1 + 1600},
		"long memory.fill":  {wide(one(n, nil, 0x41, 0, 0x41, 1, 0x20, 0, 0xfc, 11, 0, 0x0b)), []uint64{6 << 20}, 3 + 16 + 1 + 6<<18},
		"long memory.copy":  {wide(one(n, nil, 0x41, 1, 0x41, 0, 0x20, 0, 0xfc, 10, 0, 0, 0x0b)), []uint64{6<<20 + 16}, 3 + 16 + 1 + 6<<18 + 4},
		"memory.grow":       {one(n, nil, 0x20, 0, 0x40, 0, 0x1a, 0x0b), []uint64{2}, 1 + 16 + 2 + (1+2)*1024},
		"memory.grow of -1": {one(n, nil, 0x20, 0, 0x40, 0, 0x1a, 0x0b), []uint64{0xffffffff}, 1 + 16 + 2 + (1+0xffffffff)*1024},
		"table.fill":        {one(n, nil, 0x41, 0, 0xd0, funcref, 0x20, 0, 0xfc, 17, 0, 0x0b), []uint64{8}, 3 + 16 + 1 + 1},
		"table.grow":        {one(n, nil, 0xd0, funcref, 0x20, 0, 0xfc, 15, 0, 0x1a, 0x0b), []uint64{800}, 2 + 16 + 2 + 100},
		"table.copy":        {one(n, nil, 0x41, 0, 0x41, 1, 0x20, 0, 0xfc, 14, 0, 0, 0x0b), []uint64{8}, 3 + 16 + 1 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := spent(t, c.a, c.args...); got != c.want {
				t.Errorf("charged %d, want %d", got, c.want)
			}
		})
	}
}

// calls is a module whose f runs text; function 1 is empty.
func calls(text ...any) asm {
	a := one(void, nil, cat(text...), 0x0b)
	a.funcs, a.codes = append(a.funcs, []byte{0}), append(a.codes, code(nil, 0x0b))
	return a
}

// TestGoGuestGivesTheSame: a real module computes the same before and after.
func TestGoGuestGivesTheSame(t *testing.T) {
	wasm := guest(t)
	m := rewrite(t, wasm)
	e := newCachedEngine(t)
	before, after := e.instance(t, wasm), e.instance(t, m.Wasm)
	for kind := range uint64(6) {
		for _, n := range []uint64{0, 1, 17, 400} {
			want, err := call(t, before, "work", kind, n)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := call(t, after, "work", kind, n); err != nil || got != want {
				t.Errorf("work(%d, %d) = %x, %v; want %x", kind, n, got, err, want)
			}
		}
	}
	if e.yields == 0 {
		t.Error("no yield")
	}
	if m.Functions < 1000 || m.TableElements == 0 || !m.Memory.Present || len(m.Imports) == 0 {
		t.Errorf("%d functions, %d elements, memory %v, %d imports", m.Functions, m.TableElements, m.Memory, len(m.Imports))
	}
}

// TestDescribesTheOriginal: what Module says is about the module as it came.
func TestDescribesTheOriginal(t *testing.T) {
	a := one(void, nil, 0x0b)
	a.types = append(a.types, funcType(i32, f64, 0, i64), funcType(funcref, externref, v128, 0, i32, i32))
	a.imports = [][]byte{cat("env", "log", 0, 1), cat("env", "g", 3, i32, 0)}
	a.funcs, a.codes = append(a.funcs, []byte{2}), append(a.codes, code(nil, 0x00, 0x0b))
	a.memories = [][]byte{{1, 2, 5}}
	a.exports = [][]byte{export("f", 2), export("log", 0), cat("memory", 2, 0), cat("t", 1, 0), cat("g", 3, 0)}
	a.customs = cat(section(0, cat("x", 1)), section(0, cat("patchbay.manifest", []byte("{}"))), section(0, cat("x", 2)))
	m := rewrite(t, a.bytes())
	m.Wasm = nil
	want := &meter.Module{
		Imports: []meter.Import{{"env", "log", "func", "(i32, f64) -> i64"}, {"env", "g", "global", ""}},
		Exports: []meter.Export{{"f", "func", "(funcref, externref, v128) -> (i32, i32)"},
			{"log", "func", "(i32, f64) -> i64"}, {"memory", "memory", ""}, {"t", "table", ""}, {"g", "global", ""}},
		Memory: meter.Memory{Min: 2, Max: 5, HasMax: true, Present: true}, TableElements: 10, Functions: 2,
		Custom: map[string][]byte{"x": {2}, "patchbay.manifest": []byte("{}")},
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
	if e := rewrite(t, one(void, nil, 0x0b).bytes()).Exports[0]; e.Signature != "()" {
		t.Errorf("signature %q", e.Signature)
	}
}

// TestIndicesMove: functions are still reached by call, table, ref.func, start
// and export when imports stand before the added one.
func TestIndicesMove(t *testing.T) {
	get := funcType(0, i32)
	a := asm{
		types:   [][]byte{get, void},
		imports: [][]byte{cat("env", "seven", 0, 0)},
		funcs:   [][]byte{{0}, {0}, {0}, {1}, {0}},
		tables:  [][]byte{{funcref, 0, 4}},
		globals: [][]byte{cat(i32, 1, 0x41, 0, 0x0b), cat(funcref, 0, 0xd2, 2, 0x0b)},
		exports: [][]byte{export("calls", 1), export("seven", 0), export("tables", 5)},
		start:   []byte{4},
		elements: [][]byte{cat(0, 0x41, 0, 0x0b, 2, 2, 0), // table[0..1] = functions 2, 0
			cat(4, 0x41, 2, 0x0b, 1, 0xd2, 3, 0x0b)}, // table[2] = function 3
		codes: [][]byte{
			code(nil, 0x10, 0, 0x10, 2, 0x6a, 0x10, 3, 0x6a, 0x23, 0, 0x6a, 0x0b), // 7+20+300+4000
			code(nil, 0x41, 20, 0x0b),
			code(nil, 0x41, sleb(300), 0x0b),
			code(nil, 0x41, sleb(4000), 0x24, 0, 0x0b),
			code(nil, 0x41, 3, 0x23, 1, 0x26, 0, // table[3] = global 1 = function 2
				0x41, 0, 0x11, 0, 0, 0x41, 1, 0x11, 0, 0, 0x6a, 0x41, 2, 0x11, 0, 0, 0x6a, 0x41, 3, 0x11, 0, 0, 0x6a, 0x0b),
		},
	}
	e := newEngine(t, nil)
	if _, err := e.NewHostModuleBuilder("env").NewFunctionBuilder().WithFunc(func() int32 { return 7 }).Export("seven").Instantiate(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := e.instance(t, rewrite(t, a.bytes()).Wasm)
	for name, want := range map[string]uint64{"calls": 4327, "seven": 7, "tables": 20 + 7 + 300 + 20} {
		if got, err := call(t, m, name); err != nil || got != want {
			t.Errorf("%s = %d, %v; want %d", name, got, err, want)
		}
	}
}

// TestTablesShareTheLimit: table.grow ends where the shares of the limit end.
func TestTablesShareTheLimit(t *testing.T) {
	grow := func(table int) []byte {
		return code(nil, 0xd0, funcref, 0x20, 0, 0xfc, 15, table, 0x0b)
	}
	a := asm{
		types:   [][]byte{funcType(i32, 0, i32)},
		funcs:   [][]byte{{0}, {0}, {0}},
		tables:  [][]byte{{funcref, 0, 10}, {funcref, 1, 5, 15}, {funcref, 0, 0}},
		exports: [][]byte{export("0", 0), export("1", 1), export("2", 2)},
		codes:   [][]byte{grow(0), grow(1), grow(2)},
	}
	m, err := meter.Rewrite(a.bytes(), meter.Config{MaxTableElements: 105})
	if err != nil {
		t.Fatal(err)
	}
	// 90 to share: 30 for the first, 10 for the second, which wants no more,
	// and the other 50 for the last.
	in := newEngine(t, nil).instance(t, m.Wasm)
	for _, c := range []struct {
		table string
		by    uint64
		want  uint32
	}{{"0", 31, 0xffffffff}, {"0", 30, 10}, {"0", 1, 0xffffffff}, {"1", 11, 0xffffffff}, {"1", 10, 5}, {"2", 51, 0xffffffff}, {"2", 50, 0}, {"2", 1, 0xffffffff}} {
		if got, err := call(t, in, c.table, c.by); err != nil || uint32(got) != c.want {
			t.Errorf("table %s grown by %d gave %d, %v; want %d", c.table, c.by, uint32(got), err, c.want)
		}
	}
}

// TestDeadCode: charges in code that can't be reached don't make a valid module
// invalid, nor an invalid one valid.
func TestDeadCode(t *testing.T) {
	for name, c := range map[string]struct {
		text  []byte
		valid bool
	}{
		"fill":             {cat(0x00, 0xfc, 11, 0), true},
		"copy":             {cat(0x0f, 0xfc, 10, 0, 0), true},
		"grow":             {cat(0x00, 0x40, 0, 0x1a), true},
		"table.grow":       {cat(0x00, 0xfc, 15, 0, 0x1a), true},
		"loop":             {cat(0x00, 0x03, 0x40, 0x0c, 0, 0x0b), true},
		"call":             {cat(0x00, 0x10, 0), true},
		"fill of an i32":   {cat(0x00, 0x41, 0, 0xfc, 11, 0), true},
		"fill of an i64":   {cat(0x00, 0x42, 0, 0xfc, 11, 0), false},
		"live fill of i64": {cat(0x41, 0, 0x41, 0, 0x42, 0, 0xfc, 11, 0), false},
		"fill of nothing":  {cat(0xfc, 11, 0), false},
		"grow of an i64":   {cat(0x00, 0x42, 0, 0x40, 0, 0x1a), false},
		"grow left over":   {cat(0x00, 0x40, 0, 0x1a, 0x41, 0), false},
	} {
		t.Run(name, func(t *testing.T) {
			wasm := body(c.text)
			e := newEngine(t, nil)
			_, before := e.CompileModule(t.Context(), wasm)
			_, after := e.CompileModule(t.Context(), rewrite(t, wasm).Wasm)
			if (before == nil) != c.valid || (after == nil) != c.valid {
				t.Errorf("valid %t; the engine said %v before, %v after", c.valid, before, after)
			}
		})
	}
}
