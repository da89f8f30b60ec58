package meter

func (w *rewriter) functionSection(r *reader) {
	n := w.vector(r, secFunction, "functions", 1, MaxFunctions)
	at := r.pos
	if len(w.funcs)+n > MaxFunctions {
		r.fail(at, ErrLimit, "%d functions with imports; at most %d are allowed", len(w.funcs)+n, MaxFunctions)
		return
	}
	for range n {
		w.funcs = append(w.funcs, r.index("type", len(w.types)))
	}
	w.module.Functions = n
	w.added.refill = uint32(len(w.funcs) + 1)
	w.out[secFunction] = w.wasm[at:r.pos]
}

// functionsAndHelpers gives the function section its count and the types of the
// added functions, once the data is known.
func (w *rewriter) functionsAndHelpers() []byte {
	out := appendU32(make([]byte, 0, len(w.out[secFunction])+8+3*w.helpers()), uint32(w.module.Functions+w.helpers()))
	out = append(out, w.out[secFunction]...)
	for i := range w.helpers() {
		t := w.added.lengthType
		switch {
		case i == helperRefill:
			t = w.added.plainType
		case i >= helperCopy:
			t = w.added.moveType
		}
		out = appendU32(out, t)
	}
	return out
}

func (w *rewriter) globalSection(r *reader) {
	n := w.vector(r, secGlobal, "globals", 4, MaxGlobals)
	if w.globals+n > MaxGlobals {
		r.fail(r.pos, ErrLimit, "%d globals with imports; at most %d are allowed", w.globals+n, MaxGlobals)
		return
	}
	out := []byte{}
	for range n {
		start := r.pos
		r.valueType()
		r.mutability()
		if r.err != nil {
			return
		}
		out = w.constant(r, append(out, w.wasm[start:r.pos]...))
	}
	w.ownGlobals = n
	w.globals += n
	w.added.counter = uint32(w.globals)
	w.out[secGlobal] = append(out, typeI64, 1, opI64Const, 0, opEnd)
}

// constant reads a constant expression, 3.3.10, and appends its new form. Of
// globals only imported, immutable ones may be read.
func (w *rewriter) constant(r *reader, out []byte) []byte {
	start := r.pos
	switch op := r.byte(); op {
	case opI32Const:
		r.signed(32)
	case opI64Const:
		r.signed(64)
	case opF32Const:
		r.bytes(4)
	case opF64Const:
		r.bytes(8)
	case opVector:
		if r.byte() != vecConst {
			r.invalid(start, "a constant expression with a vector instruction other than v128.const")
		}
		r.bytes(16)
	case opRefNull:
		r.refType()
	case opGlobalGet:
		if i := r.index("imported global", len(w.importVars)); r.err == nil && w.importVars[i] {
			r.invalid(start, "a constant expression reads the mutable global %d", i)
		}
	case opRefFunc:
		i := r.index("function", len(w.funcs))
		w.declared[i] = true
		out = appendU32(append(out, opRefFunc), w.funcIndex(i))
		start = r.pos
	default:
		r.invalid(start, "opcode %#x in a constant expression; extended constants are not supported", op)
	}
	if r.err != nil {
		return out
	}
	out = append(out, w.wasm[start:r.pos]...)
	if end := r.byte(); r.err == nil && end != opEnd {
		r.invalid(r.pos-1, "a constant expression of more than one instruction; extended constants are not supported")
	}
	return append(out, opEnd)
}

func (w *rewriter) startSection(r *reader) {
	i := r.index("function", len(w.funcs))
	w.out[secStart] = appendU32(nil, w.funcIndex(i))
}

// Bits of an element segment's form, 5.5.12.
const (
	elemPassive  = 1 // passive, or declarative with elemExplicit
	elemExplicit = 2 // names its table, or is declarative
	elemExprs    = 4 // constant expressions, not function indices
)

func (w *rewriter) elementSection(r *reader) {
	n := r.count("segments", 2, MaxSegments)
	out := appendU32(nil, uint32(n))
	items := 0
	for range n {
		at := r.pos
		form := r.u32()
		if form > 7 {
			r.invalid(at, "unknown form %d of a segment", form)
		}
		out = appendU32(out, form)
		if form&elemPassive == 0 {
			i := uint32(0)
			if form&elemExplicit != 0 {
				i = r.index("table", len(w.tables))
				out = appendU32(out, i)
			} else if len(w.tables) == 0 {
				r.invalid(at, "a segment for a table, but there is none")
			}
			out = w.constant(r, out)
		}
		if form&(elemPassive|elemExplicit) != 0 {
			out = append(out, w.elementKind(r, form))
		}
		size := 1
		if form&elemExprs != 0 {
			size = 3
		}
		// No more can ever stand in tables, so more are only a load to compile.
		count := r.count("elements", size, int(w.cfg.MaxTableElements)-items)
		items += count
		out = appendU32(out, uint32(count))
		for range count {
			if form&elemExprs != 0 {
				out = w.constant(r, out)
			} else {
				i := r.index("function", len(w.funcs))
				w.declared[i] = true
				out = appendU32(out, w.funcIndex(i))
			}
		}
		if r.err != nil {
			return
		}
	}
	w.elements = n
	w.out[secElement] = out
}

func (w *rewriter) elementKind(r *reader, form uint32) byte {
	if form&elemExprs != 0 {
		return r.refType()
	}
	kind := r.byte()
	if r.err == nil && kind != 0 {
		r.invalid(r.pos-1, "unknown kind %#x of elements", kind)
	}
	return kind
}

func (w *rewriter) dataCountSection(r *reader) {
	n := int64(r.u32())
	if n > MaxSegments {
		r.fail(r.pos, ErrLimit, "%d data segments; at most %d are allowed", n, MaxSegments)
		return
	}
	w.dataCount, w.hasCount = int(n), true
	w.out[secDataCount] = appendU32(nil, uint32(n))
}

func (w *rewriter) dataSection(r *reader) {
	start := r.pos
	n := r.count("segments", 2, MaxSegments)
	if w.hasCount && n != w.dataCount {
		r.invalid(start, "%d segments, but the data count says %d", n, w.dataCount)
		return
	}
	out := appendU32(make([]byte, 0, r.left()+8), uint32(n))
	for i := range n {
		at := r.pos
		form := r.u32()
		if form > 2 {
			r.invalid(at, "unknown form %d of a segment", form)
		}
		if form != 1 && w.memories == 0 {
			r.invalid(at, "a segment for a memory, but there is none")
		}
		out = appendU32(out, form)
		if form == 2 {
			out = appendU32(out, r.index("memory", w.memories))
		}
		if form != 1 {
			out = w.constant(r, out)
		}
		size := r.u32()
		out = append(appendU32(out, size), r.bytes(int(size))...)
		if r.err != nil {
			return
		}
		w.segment(uint32(i), size)
	}
	w.out[secData] = out
}
