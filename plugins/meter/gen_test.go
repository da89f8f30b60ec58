package meter_test

// gen makes a valid module from bytes: every byte is a choice, and when they
// run out only the simplest choices are made, so that it ends. Its functions
// loop, branch, recurse, trap, move memory and tables, and hold dead code.
type gen struct {
	in    []byte
	depth int
	// labels are the open blocks, innermost last.
	labels int
}

// The shape of every generated module.
const (
	genFuncs  = 4 // all (i32, i64) -> i64
	genI32s   = 3 // locals 0 (parameter), 2, 3
	genTables = 2
)

func (g *gen) next(n int) int {
	if len(g.in) == 0 {
		return 0
	}
	c := int(g.in[0])
	g.in = g.in[1:]
	return c % n
}

func (g *gen) local32() int { return []int{0, 2, 3}[g.next(genI32s)] }
func (g *gen) local64() int { return []int{1, 4}[g.next(2)] }

// deeper says whether another level may be opened.
func (g *gen) deeper() bool { return g.depth < 6 && len(g.in) > 0 }

func (g *gen) nested(f func() []byte) []byte {
	g.depth++
	defer func() { g.depth-- }()
	return f()
}

// addr is a small address or length, mostly in range.
func (g *gen) addr() []byte {
	if g.next(8) == 7 {
		return g.i32()
	}
	return cat(g.i32(), 0x41, sleb(0xfff), 0x71)
}

func (g *gen) i32() []byte {
	if !g.deeper() {
		return cat(0x20, g.local32())
	}
	return g.nested(func() []byte {
		switch g.next(14) {
		case 0:
			return cat(0x20, g.local32())
		case 1:
			return cat(0x41, sleb(int64(int8(g.next(256)))))
		case 2, 3:
			return cat(g.i32(), g.i32(), []int{0x6a, 0x6b, 0x6c, 0x71, 0x73, 0x74, 0x46, 0x48, 0x6d, 0x70}[g.next(10)])
		case 4:
			return cat(g.i64(), 0xa7)
		case 5:
			return cat(g.addr(), []int{0x28, 0x2c, 0x2f}[g.next(3)], 0, g.next(64))
		case 6:
			return cat(0x41, g.next(3), 0x40, 0) // memory.grow
		case 7:
			return cat(0x3f, 0)
		case 8:
			return cat(0xd0, funcref, 0x41, g.next(4), 0xfc, 15, g.next(genTables))
		case 9:
			return cat(0x23, 0)
		case 10:
			return cat(g.i32(), 0x04, i32, g.in32(), 0x05, g.in32(), 0x0b)
		case 11:
			return cat(g.i32(), g.i32(), g.i32(), 0x1b)
		case 12:
			return cat(0xd2, g.next(genFuncs), 0xd1)
		default:
			return cat(0xfc, 16, g.next(genTables))
		}
	})
}

// in32 is an i32 within one more block.
func (g *gen) in32() []byte {
	g.labels++
	defer func() { g.labels-- }()
	return g.i32()
}

func (g *gen) i64() []byte {
	if !g.deeper() {
		return cat(0x20, g.local64())
	}
	return g.nested(func() []byte {
		switch g.next(9) {
		case 0:
			return cat(0x20, g.local64())
		case 1:
			return cat(0x42, sleb(int64(g.next(256))<<g.next(50)))
		case 2:
			return cat(g.i64(), g.i64(), []int{0x7c, 0x7d, 0x7e, 0x7f, 0x85, 0x88}[g.next(6)])
		case 3:
			return cat(g.i32(), 0xac)
		case 4:
			return cat(g.i32(), g.i64(), 0x10, g.next(genFuncs))
		case 5:
			return cat(g.i32(), g.i64(), 0x41, g.next(8), 0x11, 0, g.next(genTables))
		case 6:
			return cat(0x23, 1)
		case 7:
			return cat(g.addr(), 0x29, 0, g.next(64))
		default: // a vector and a float on the way
			return cat(g.i64(), 0xb9, 0x9f, 0xfd, 0x14, g.i64(), 0xfd, 0x12, 0xfd, 0xce, 1, 0xfd, 0x1d, 1)
		}
	})
}

// stmts gives a few statements, each of which leaves the stack as it was.
func (g *gen) stmts() (b []byte) {
	if !g.deeper() {
		return nil
	}
	g.depth++
	for range g.next(5) {
		b = append(b, g.stmt()...)
	}
	g.depth--
	return b
}

func (g *gen) block(op int) []byte {
	g.labels++
	b := cat(op, 0x40, g.stmts())
	if op == 0x03 && g.next(3) > 0 { // turn while a local counts down
		n := g.local32()
		b = cat(b, 0x20, n, 0x41, 1, 0x6b, 0x22, n, 0x41, sleb(63), 0x71, 0x0d, 0)
	}
	g.labels--
	return cat(b, 0x0b)
}

func (g *gen) stmt() []byte {
	switch g.next(21) {
	case 0:
		return cat(0x01)
	case 1:
		return cat(g.i32(), 0x21, g.local32())
	case 2:
		return cat(g.i64(), 0x21, g.local64())
	case 3, 4:
		return g.block(0x03)
	case 5:
		return g.block(0x02)
	case 6:
		return cat(g.i32(), g.block(0x04))
	case 7:
		return cat(g.addr(), g.i64(), 0x37, 0, g.next(64))
	case 8:
		return cat(g.addr(), g.i32(), g.addr(), 0xfc, 11, 0)
	case 9:
		return cat(g.addr(), g.addr(), g.addr(), 0xfc, 10, 0, 0)
	case 10:
		return cat(g.addr(), 0x41, g.next(8), 0x41, g.next(8), 0xfc, 8, 0, 0)
	case 11:
		return cat(0x41, g.next(8), 0xd2, g.next(genFuncs), 0x41, g.next(4), 0xfc, 17, g.next(genTables))
	case 12:
		return cat(0x41, g.next(8), 0x41, g.next(4), 0x41, g.next(4), 0xfc, 14, g.next(genTables), g.next(genTables))
	case 13:
		return cat(0x41, g.next(4), 0x41, g.next(4), 0x41, g.next(4), 0xfc, 12, 0, g.next(genTables))
	case 14:
		return cat(g.i32(), 0x24, 0)
	case 15:
		return cat(g.i64(), 0x24, 1)
	case 16:
		return g.branch(func() []byte { return cat(g.i32(), 0x0d, g.next(g.labels)) })
	case 17:
		return g.branch(func() []byte {
			return cat(g.i32(), 0x0e, 2, g.next(g.labels), g.next(g.labels), g.next(g.labels), g.dead())
		})
	case 18:
		return g.branch(func() []byte { return cat(0x0c, g.next(g.labels), g.dead()) })
	case 19: // leave, or trap, sometimes
		return cat(g.i32(), 0x04, 0x40, g.leave(), g.dead(), 0x0b)
	default:
		return cat(0xfc, []int{9, 13}[g.next(2)], 0)
	}
}

// branch makes a branch within a block of its own, so that there is a label
// that takes no value and that what is dead ends there.
func (g *gen) branch(f func() []byte) []byte {
	g.labels++
	defer func() { g.labels-- }()
	return cat(0x02, 0x40, f(), 0x0b)
}

func (g *gen) leave() []byte {
	if g.next(2) == 0 {
		return cat(0x00)
	}
	return cat(0x20, 1, 0x0f)
}

// dead is code behind a place that is never passed: it may take operands from
// an empty stack.
func (g *gen) dead() []byte {
	switch g.next(8) {
	case 1:
		return cat(0xfc, 11, 0)
	case 2:
		return cat(0x40, 0, 0x1a)
	case 3:
		return cat(0xfc, 15, 0, 0x1a)
	case 4:
		return cat(0xfc, 10, 0, 0)
	case 5:
		return cat(0x10, 0, 0x1a)
	case 6:
		return cat(0x03, 0x40, 0x0c, 0, 0x0b)
	case 7:
		return cat(0x6a, 0x21, 0)
	}
	return nil
}

// module makes the whole module. "f" is function 0.
func (g *gen) module() []byte {
	t := funcType(i32, i64, 0, i64)
	a := asm{
		types:     [][]byte{t, void},
		tables:    [][]byte{{funcref, 1, 6, 20}, {funcref, 1, 2, 9}},
		memories:  [][]byte{{1, 1, 4}},
		globals:   [][]byte{cat(i32, 1, 0x41, 5, 0x0b), cat(i64, 1, 0x42, 9, 0x0b)},
		exports:   [][]byte{cat("m", 2, 0), cat("g", 3, 0), cat("h", 3, 1)},
		elements:  [][]byte{cat(1, 0, 4, 0, 1, 2, 3), cat(0, 0x41, 0, 0x0b, 4, 3, 2, 1, 0), cat(6, 1, 0x41, 0, 0x0b, funcref, 1, 0xd2, 1, 0x0b)},
		dataCount: []byte{1},
		datas:     [][]byte{cat(1, "patchbay")},
	}
	for i := range genFuncs {
		a.funcs = append(a.funcs, []byte{0})
		a.exports = append(a.exports, export(string(rune('a'+i)), i))
		g.depth, g.labels = 0, 0
		text := cat(g.stmts(), g.stmts(), g.i64())
		a.codes = append(a.codes, code([][2]int{{2, i32}, {1, i64}}, text, 0x0b))
	}
	return a.bytes()
}
