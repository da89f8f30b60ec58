package meter

// codeSection rewrites all bodies and appends the added functions.
func (w *rewriter) codeSection(r *reader) {
	n := w.vector(r, secCode, "bodies", 3, MaxFunctions)
	if r.err == nil && n != w.module.Functions {
		r.invalid(r.pos, "%d bodies for %d functions", n, w.module.Functions)
	}
	if r.err != nil {
		return
	}
	out := appendU32(make([]byte, 0, r.left()+r.left()/2+256), uint32(n+w.helpers()))
	b := &body{w: w}
	var text []byte
	for i := range n {
		at := r.pos
		size := int64(r.u32())
		switch {
		case r.err != nil:
			return
		case size > int64(r.left()):
			r.invalid(at, "function %d declares %d bytes, %d are left", i, size, r.left())
			return
		case size > int64(w.cfg.MaxFunctionBody):
			r.fail(at, ErrLimit, "function %d has %d bytes; at most %d are allowed (split it, or build with less inlining)", i, size, w.cfg.MaxFunctionBody)
			return
		}
		start, end := r.pos, r.pos+int(size)
		b.reader = &reader{b: w.wasm, pos: start, end: end, section: r.section}
		b.scan(w.types[w.funcs[w.importFuncs+i]])
		if b.err == nil {
			w.count(b, i, start)
		}
		if b.err != nil {
			r.err = b.err
			return
		}
		r.pos = end
		text = b.emit(text[:0], start)
		out = append(appendU32(out, uint32(len(text))), text...)
	}
	w.out[secCode] = w.moveHelpers(w.lengthHelpers(out))
}

// count holds the function that was scanned last, and the module so far,
// against the caps on tangle.
func (w *rewriter) count(b *body, i, at int) {
	tangle := b.tangle()
	w.tangle += tangle
	switch {
	case tangle > MaxTangle:
		b.fail(at, ErrLimit, "function %d has too many locals and branches to compile in good time (%d, at most %d); split it", i, tangle, MaxTangle)
	case w.tangle > MaxModuleTangle:
		b.fail(at, ErrLimit, "the functions together have too many locals and branches to compile in good time (at most %d)", MaxModuleTangle)
	}
}

// emit appends the body that starts at start, with its edits.
func (b *body) emit(out []byte, start int) []byte {
	for _, e := range b.edits {
		out = append(out, b.b[start:e.at]...)
		start = e.end
		switch e.kind {
		case editIndex:
			out = appendU32(out, e.value)
		case editCharge:
			if weight := b.charges[e.value]; weight > 0 {
				out = b.w.spend(out, weight)
			}
		case editReference:
			out = appendU32(append(out, opGlobalGet), b.w.added.counter+1+e.value)
		case editHelper:
			out = appendU32(append(out, opCall), b.w.added.refill+e.value)
		}
	}
	return append(out, b.b[start:b.end]...)
}

// spend appends the charge of a static weight.
func (w *rewriter) spend(out []byte, weight uint64) []byte {
	out = appendU32(append(out, opGlobalGet), w.added.counter)
	out = appendS64(append(out, opI64Const), int64(weight))
	out = w.settle(append(out, opI64Sub))
	out = appendU32(append(out, opCall), w.added.refill)
	return append(out, opEnd)
}

// settle appends: store what is on the stack in the counter; if it is negative.
func (w *rewriter) settle(out []byte) []byte {
	out = appendU32(append(out, opGlobalSet), w.added.counter)
	out = appendU32(append(out, opGlobalGet), w.added.counter)
	return append(out, opI64Const, 0, opI64LtS, opIf, blockEmpty)
}

func appendBody(out, text []byte) []byte {
	return append(appendU32(out, uint32(len(text))), text...)
}
