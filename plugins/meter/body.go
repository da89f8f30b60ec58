package meter

// edit is a change to a body: the bytes from at to end are replaced.
type edit struct {
	at, end int
	kind    editKind
	// value is the new function index, the number of the charge, or the helper.
	value uint32
}

type editKind uint8

const (
	editIndex     editKind = iota // a function index
	editCharge                    // insert the check of a charge
	editHelper                    // call an added function
	editReference                 // read the global of a reference
)

// frame is an open block.
type frame struct {
	op     byte
	charge int // which charge pays for what is in it
}

// body checks one function body and collects what has to change in it. It is
// used again for each function, to keep its slices.
type body struct {
	*reader
	w      *rewriter
	locals int
	frames []frame
	edits  []edit
	// charges are weights: first that of the function's entry, then those of
	// its loops.
	charges []uint64
	charge  int // the one that pays now
	// joins counts the places where control may meet: blocks, branch targets,
	// and the checks of bulk instructions.
	joins uint64
	// straight is true until something may branch, leave or call.
	straight bool
	// first is the loop that the function runs into whatever happens, or 0.
	first int
}

// scan reads a body of the given type from its locals to its last end.
func (b *body) scan(t funcType) {
	b.frames, b.edits, b.charges = b.frames[:0], b.edits[:0], b.charges[:0]
	b.scanLocals(t)
	if b.err != nil {
		return
	}
	b.charges, b.charge = append(b.charges, 0), 0
	b.straight, b.first, b.joins = true, 0, 0
	b.edits = append(b.edits, edit{b.pos, b.pos, editCharge, 0})
	b.frames = append(b.frames, frame{opBlock, 0})
	for len(b.frames) > 0 {
		if !b.more() {
			b.invalid(b.pos, "a body without its last end")
			return
		}
		b.instruction()
	}
	b.done()
	b.fold()
}

// tangle estimates how long an engine takes for a function beyond what its size
// explains, in units of about 10 µs: for every join it looks at the values
// that may differ there, and some of its passes are quadratic in blocks.
func (b *body) tangle() uint64 {
	loops := uint64(len(b.charges) - 1)
	return b.joins * (uint64(b.locals) + loops + b.joins/256)
}

// fold moves the charge of the entry into the first loop, where every call
// passes it, and leaves the entry without one. Each turn of the loop then pays
// for the entry too, so it is done only where that at most doubles its weight.
// Compiled Go gains most: each of its functions is one loop with little before.
func (b *body) fold() {
	if b.first > 0 && b.charges[0] <= b.charges[b.first] {
		b.charges[b.first] += b.charges[0]
		b.charges[0] = 0
	}
}

func (b *body) scanLocals(t funcType) {
	at := b.pos
	total := int64(len(t.params))
	for range b.count("groups of locals", 2, b.left()) {
		total += int64(b.u32())
		b.valueType()
		if total > MaxLocals {
			b.fail(at, ErrLimit, "more than %d locals in a function", MaxLocals)
		}
		if b.err != nil {
			return
		}
	}
	b.locals = int(total)
}

// instruction reads one instruction.
func (b *body) instruction() {
	at := b.pos
	op := b.b[at]
	b.pos++
	b.charges[b.charge] += weightPlain
	if op < opDrop && op != opLoop { // control instructions and calls
		b.straight = false
	}
	switch operandsOf[op] {
	case none:
	case blockType:
		b.open(at, op)
	case elseMark:
		if f := &b.frames[len(b.frames)-1]; f.op == opIf {
			f.op = opElse
		} else {
			b.invalid(at, "an else without an if")
		}
	case endMark:
		b.frames = b.frames[:len(b.frames)-1]
		if n := len(b.frames); n > 0 {
			b.charge = b.frames[n-1].charge
		}
	case label:
		b.joins++
		b.index("label", len(b.frames))
	case labels:
		for range b.count("labels", 1, b.left()) {
			b.joins++
			b.index("label", len(b.frames))
		}
		b.index("label", len(b.frames))
	case function:
		if op == opRefFunc {
			b.reference(at)
			return
		}
		b.charges[b.charge] += weightCall - weightPlain
		from := b.pos
		if i := b.index("function", len(b.w.funcs)); int(i) >= b.w.importFuncs {
			b.edits = append(b.edits, edit{from, b.pos, editIndex, b.w.funcIndex(i)})
		}
	case typeAndTable:
		b.charges[b.charge] += weightCall - weightPlain
		b.index("type", len(b.w.types))
		b.index("table", len(b.w.tables))
	case types:
		if n := b.byte(); b.err == nil && n != 1 {
			b.invalid(at, "a select of %d types", n)
		}
		b.valueType()
	case local:
		b.index("local", b.locals)
	case global:
		b.index("global", b.w.globals)
	case tableIndex:
		b.index("table", len(b.w.tables))
	case memoryAccess:
		b.access()
	case memoryZero:
		b.memoryByte()
		if op == opMemoryGrow {
			b.bulk(at, helperPages)
		}
	case signed32:
		b.signed(32)
	case signed64:
		b.signed(64)
	case bytes4:
		b.bytes(4)
	case bytes8:
		b.bytes(8)
	case refType:
		b.refType()
	case misc:
		b.misc(at)
	case vector:
		b.vector(at)
	default:
		if feature := proposal(op); feature != "" {
			b.invalid(at, "opcode %#x: %s are not supported; build for WebAssembly 2.0", op, feature)
		} else {
			b.invalid(at, "unknown opcode %#x", op)
		}
	}
}

// open reads the type of a block and opens it.
func (b *body) open(at int, op byte) {
	if len(b.frames) == MaxNesting {
		b.fail(at, ErrLimit, "blocks nested deeper than %d", MaxNesting)
		return
	}
	// An index is a signed number of 33 bits; the types are few enough that
	// its sign bit and its longest forms never come up.
	if t := b.byte(); t != blockEmpty && !isValue(t) {
		b.pos--
		if i := b.index("type", len(b.w.types)); b.err == nil && signedSize(i) != b.pos-at-1 {
			b.invalid(at, "unknown block type")
		}
	}
	b.joins++
	f := frame{op, b.charge}
	if op == opLoop {
		f.charge = len(b.charges)
		b.edits = append(b.edits, edit{b.pos, b.pos, editCharge, uint32(f.charge)})
		b.charges = append(b.charges, 0)
		if b.straight {
			b.straight, b.first = false, f.charge
		}
	}
	b.frames = append(b.frames, f)
	b.charge = f.charge
}

// signedSize is how many bytes v takes as the shortest signed LEB128.
func signedSize(v uint32) int {
	n := 1
	for ; v > 63; v >>= 7 {
		n++
	}
	return n
}

// access reads the operand of a load or store.
func (b *body) access() {
	at := b.pos
	b.charges[b.charge] += weightMemory - weightPlain
	align := b.u32()
	b.u32()
	switch {
	case b.err != nil:
	case b.w.memories == 0:
		b.invalid(at, "a memory instruction, but there is no memory")
	case align >= 64:
		b.invalid(at, "alignment %#x; multi-memory is not supported", align)
	}
}

// memoryByte reads the byte that stands for memory 0.
func (b *body) memoryByte() {
	if i := b.byte(); b.err == nil && i != 0 {
		b.invalid(b.pos-1, "memory index %d: multi-memory is not supported", i)
	} else if b.err == nil && b.w.memories == 0 {
		b.invalid(b.pos-1, "a memory instruction, but there is no memory")
	}
}

// bulk has the instruction at at charged by the length on top of the stack.
func (b *body) bulk(at int, helper uint32) { b.call(at, at, helper) }

// move has a helper do the instruction that began at at, in pieces.
func (b *body) move(at int, helper uint32) { b.call(at, b.pos, helper) }

func (b *body) call(at, end int, helper uint32) {
	b.joins++
	b.charges[b.charge] += weightBulk - weightPlain
	b.edits = append(b.edits, edit{at, end, editHelper, helper})
}

func (b *body) misc(at int) {
	op := b.byte()
	switch {
	case b.err != nil:
		return
	case op < miscMemoryInit: // saturating truncations
		return
	}
	switch op {
	case miscMemoryInit:
		i := b.dataIndex(at)
		b.memoryByte()
		if n, long := b.w.longOf[i]; long {
			b.move(at, helperInit+n)
		} else {
			b.bulk(at, helperBytes)
		}
	case miscDataDrop:
		b.dataIndex(at)
	case miscMemoryCopy:
		b.memoryByte()
		b.memoryByte()
		b.move(at, helperCopy)
	case miscMemoryFill:
		b.memoryByte()
		b.move(at, helperFill)
	case miscTableInit:
		b.index("element segment", b.w.elements)
		b.index("table", len(b.w.tables))
		b.bulk(at, helperEntries)
	case miscElemDrop:
		b.index("element segment", b.w.elements)
	case miscTableCopy:
		b.index("table", len(b.w.tables))
		b.index("table", len(b.w.tables))
		b.bulk(at, helperEntries)
	case miscTableGrow, miscTableFill:
		b.index("table", len(b.w.tables))
		b.bulk(at, helperEntries)
	case miscTableSize:
		b.index("table", len(b.w.tables))
	default:
		b.invalid(at, "unknown opcode 0xfc %#x", op)
	}
}

func (b *body) dataIndex(at int) uint32 {
	if !b.w.hasCount {
		b.invalid(at, "names a data segment, but there is no data count section")
	}
	return b.index("data segment", b.w.dataCount)
}

func (b *body) vector(at int) {
	op := b.byte()
	// Opcodes from 0x80 on take two bytes; only the shortest form is taken,
	// since engines differ in how they read others.
	if op >= 0x80 && b.byte() != 1 {
		b.invalid(at, "unknown or padded vector opcode; relaxed SIMD is not supported")
	}
	if b.err != nil {
		return
	}
	switch vecOperandsOf[op] {
	case vecNone:
	case vecAccess:
		b.access()
	case vecAccessLane:
		b.access()
		b.byte()
	case vecLane:
		b.byte()
	case vecBytes16:
		b.bytes(16)
	default:
		b.invalid(at, "unknown opcode 0xfd %#x", op)
	}
}
