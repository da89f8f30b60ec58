package meter_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// What the module of moves holds. A piece is 256 KiB, four pages.
const (
	movePages   = 21
	moveBytes   = movePages << 16
	movePiece   = 256 << 10
	moveLong    = 3*movePiece + 17 // passive segment 1; 0 is short and 2 active
	moveActive  = 2*movePiece + 1  // which the engine doesn't drop, so it counts too
	moveExactly = movePiece        // passive segment 3
)

// moves exports each instruction that moves memory as a function, (to, from,
// length) -> (), and one that drops each of the passive segments.
func moves() asm {
	pattern := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i*7 + i>>8)
		}
		return b
	}
	three := funcType(i32, i32, i32, 0)
	a := asm{
		types:     [][]byte{three, void},
		memories:  [][]byte{cat(1, movePages, movePages+4)},
		exports:   [][]byte{cat("m", 2, 0)},
		dataCount: []byte{4},
		datas: [][]byte{cat(1, "patchbay"), cat(1, uleb(moveLong), pattern(moveLong)),
			cat(0, 0x41, 0, 0x0b, uleb(moveActive), pattern(moveActive)), cat(1, uleb(moveExactly), pattern(moveExactly))},
	}
	add := func(name string, t int, text ...any) {
		a.exports = append(a.exports, export(name, len(a.funcs)))
		a.funcs = append(a.funcs, []byte{byte(t)})
		a.codes = append(a.codes, code(nil, cat(text...), 0x0b))
	}
	operands := cat(0x20, 0, 0x20, 1, 0x20, 2)
	add("copy", 0, operands, 0xfc, 10, 0, 0)
	add("fill", 0, operands, 0xfc, 11, 0)
	for i := range 4 {
		add(fmt.Sprintf("init%d", i), 0, operands, 0xfc, 8, i, 0)
		add(fmt.Sprintf("drop%d", i), 1, 0xfc, 9, i)
	}
	add("grow", 1, 0x41, 1, 0x40, 0, 0x1a)
	return a
}

// test is what testing.T and rapid.T share and testing.TB doesn't name.
type test interface {
	Context() context.Context
	Fatalf(format string, args ...any)
}

// twins is a module before and after the rewrite.
type twins struct{ before, after api.Module }

// do runs a function in both and compares how it ended and what it left.
func (w twins) do(t test, name string, args ...uint64) error {
	_, want := w.before.ExportedFunction(name).Call(t.Context(), args...)
	_, got := w.after.ExportedFunction(name).Call(t.Context(), args...)
	if trap(got) != trap(want) {
		t.Fatalf("%s(%d) ended with %q, before the rewrite with %q", name, args, trap(got), trap(want))
	}
	a, _ := w.before.Memory().Read(0, w.before.Memory().Size())
	b, _ := w.after.Memory().Read(0, w.after.Memory().Size())
	if !bytes.Equal(a, b) {
		t.Fatalf("%s(%d) left another memory", name, args)
	}
	return want
}

// TestMovesInPieces: the added functions do exactly what the instructions do
// that they stand for, traps and dropped segments included.
func TestMovesInPieces(t *testing.T) {
	e := newCachedEngine(t)
	original := moves().bytes()
	rewritten := rewrite(t, original).Wasm
	rapid.Check(t, func(t *rapid.T) {
		w := twins{e.anonymous(t, original), e.anonymous(t, rewritten)}
		defer w.before.Close(t.Context())
		defer w.after.Close(t.Context())
		edge := rapid.SampledFrom([]uint32{0, 1, 8, movePiece - 1, movePiece, movePiece + 1, 2 * movePiece, moveActive, moveLong,
			moveBytes - movePiece, moveBytes, 1 << 31, 1<<32 - 1, 1<<32 - movePiece})
		number := rapid.Custom(func(t *rapid.T) uint64 {
			if rapid.Bool().Draw(t, "any") {
				return uint64(rapid.Uint32Range(0, moveBytes/2).Draw(t, "n"))
			}
			return uint64(edge.Draw(t, "edge") + uint32(rapid.IntRange(-2, 2).Draw(t, "off")))
		})
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			switch op := rapid.SampledFrom([]string{"copy", "copy", "near", "fill", "init0", "init1", "init1", "init2", "init3", "drop", "grow"}).Draw(t, "op"); op {
			case "near": // ranges that overlap
				from := number.Draw(t, "from")
				to := from + uint64(rapid.IntRange(-3*movePiece, 3*movePiece).Draw(t, "by"))
				_ = w.do(t, "copy", to&0xffffffff, from, number.Draw(t, "length"))
			case "drop":
				_ = w.do(t, fmt.Sprintf("drop%d", rapid.IntRange(0, 3).Draw(t, "segment")))
			case "grow":
				_ = w.do(t, "grow")
			default:
				_ = w.do(t, op, number.Draw(t, "to"), number.Draw(t, "from"), number.Draw(t, "length"))
			}
		}
	})
}

func (e *engine) anonymous(t *rapid.T, wasm []byte) api.Module {
	m, err := e.InstantiateWithConfig(t.Context(), wasm, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMovesAtTheEdges holds the corners of 4.4.7: what is out of bounds traps
// before anything is written, a length of zero may end where memory does.
func TestMovesAtTheEdges(t *testing.T) {
	e := newEngine(t, nil)
	original := moves().bytes()
	rewritten := rewrite(t, original).Wasm
	type step struct {
		op   string
		args []uint64
		ok   bool
	}
	for name, steps := range map[string][]step{
		"nothing at the end of memory":      {{"copy", []uint64{moveBytes, moveBytes, 0}, true}, {"fill", []uint64{moveBytes, 1, 0}, true}, {"init1", []uint64{moveBytes, moveLong, 0}, true}},
		"nothing behind the end of memory":  {{"copy", []uint64{moveBytes + 1, 0, 0}, false}, {"copy", []uint64{0, moveBytes + 1, 0}, false}, {"fill", []uint64{moveBytes + 1, 1, 0}, false}},
		"nothing behind the end of a datum": {{"init1", []uint64{0, moveLong + 1, 0}, false}},
		"all of memory":                     {{"fill", []uint64{0, 7, moveBytes}, true}, {"copy", []uint64{0, 0, moveBytes}, true}},
		"one too many":                      {{"fill", []uint64{1, 7, moveBytes}, false}, {"copy", []uint64{1, 0, moveBytes}, false}, {"copy", []uint64{0, 1, moveBytes}, false}},
		"one too many at the far end":       {{"copy", []uint64{moveBytes - movePiece, 0, movePiece + 1}, false}, {"copy", []uint64{0, moveBytes - 2*movePiece, 2*movePiece + 1}, false}},
		"an end that wraps":                 {{"fill", []uint64{1<<32 - movePiece, 7, 2 * movePiece}, false}, {"copy", []uint64{movePiece, 1<<32 - movePiece, movePiece + 1}, false}, {"fill", []uint64{1, 7, 1<<32 - 1}, false}},
		"overlap upwards":                   {{"copy", []uint64{1, 0, 4 * movePiece}, true}, {"copy", []uint64{movePiece, 0, 4 * movePiece}, true}},
		"overlap downwards":                 {{"copy", []uint64{0, 1, 4 * movePiece}, true}, {"copy", []uint64{0, movePiece, 4 * movePiece}, true}},
		"all of a long datum":               {{"init1", []uint64{5, 0, moveLong}, true}, {"init1", []uint64{5, 1, moveLong}, false}},
		"a long datum beyond memory":        {{"init1", []uint64{moveBytes - moveLong + 1, 0, moveLong}, false}},
		"a dropped datum":                   {{"drop1", nil, true}, {"init1", []uint64{0, 0, 0}, true}, {"init1", []uint64{0, 1, 0}, false}, {"init1", []uint64{0, 0, moveLong}, false}, {"init1", []uint64{0, 0, 1}, false}, {"drop1", nil, true}},
		"a datum of one piece":              {{"init3", []uint64{3, 0, moveExactly}, true}, {"init3", []uint64{3, 0, moveExactly + 1}, false}},
		"memory that grew":                  {{"fill", []uint64{0, 1, moveBytes + 1}, false}, {"grow", nil, true}, {"fill", []uint64{0, 1, moveBytes + 1}, true}},
	} {
		t.Run(name, func(t *testing.T) {
			w := twins{e.instance(t, original), e.instance(t, rewritten)}
			for _, s := range steps {
				if err := w.do(t, s.op, s.args...); (err == nil) != s.ok {
					t.Errorf("%s(%d): %v", s.op, s.args, err)
				}
			}
		})
	}
}

// TestMovesYieldInside: one instruction that moves much is many slices.
func TestMovesYieldInside(t *testing.T) {
	const length = 48 << 20
	for name, text := range map[string][]byte{
		"P-02 memory.fill":          cat(0x41, 0, 0x41, 1, 0x41, sleb(length), 0xfc, 11, 0),
		"P-02 memory.copy":          cat(0x41, 0, 0x41, 1, 0x41, sleb(length), 0xfc, 10, 0, 0),
		"P-02 memory.copy backward": cat(0x41, 1, 0x41, 0, 0x41, sleb(length), 0xfc, 10, 0, 0),
		"P-02 memory.init":          cat(0x41, 1, 0x41, 0, 0x41, sleb(length), 0xfc, 8, 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			a := one(void, nil, text, 0x0b)
			a.memories = [][]byte{cat(0, uleb(1024))}
			a.dataCount, a.datas = []byte{1}, [][]byte{cat(1, uleb(length), make([]byte, length))}
			e := newEngine(t, nil)
			m := e.instance(t, rewrite(t, a.bytes()).Wasm)
			if _, err := call(t, m, "f"); err != nil {
				t.Fatal(err)
			}
			// One at the first charge, and one for each slice but the last.
			if want := 1 + length/4/meter.Slice; e.yields < want {
				t.Errorf("%d yields, want %d", e.yields, want)
			}
		})
	}
}

// TestMovesWithoutMemory: segments that nothing can use need no helpers.
func TestMovesWithoutMemory(t *testing.T) {
	a := moves()
	a.memories, a.exports, a.funcs, a.codes = nil, nil, nil, nil
	a.datas = [][]byte{a.datas[1]}
	for _, count := range [][]byte{nil, {1}} {
		a.dataCount = count
		newEngine(t, nil).instance(t, rewrite(t, a.bytes()).Wasm)
	}
}
