package meter

// An engine makes a new reference at each ref.func, and keeps it as long as the
// instance: a loop of them took a gigabyte in two seconds, outside every limit
// of the guest's memory. So the rewrite makes each reference once, in an
// immutable global behind the counter, and lets ref.func read that.

// reference reads the operand of the ref.func at at.
func (b *body) reference(at int) {
	i := b.index("function", len(b.w.funcs))
	if b.err != nil {
		return
	}
	// The global would declare it, and make a module valid that is not.
	if !b.w.declared[i] {
		b.invalid(at, "a reference to function %d, which no export, global or element declares", i)
		return
	}
	n, known := b.w.referenceOf[i]
	if !known {
		n = uint32(len(b.w.references))
		b.w.referenceOf[i] = n
		b.w.references = append(b.w.references, i)
	}
	b.edits = append(b.edits, edit{at, b.pos, editReference, n})
}

// globalsAndReferences gives the global section its count and the globals that
// hold references, once the code is known.
func (w *rewriter) globalsAndReferences() []byte {
	out := appendU32(make([]byte, 0, len(w.out[secGlobal])+8+6*len(w.references)), uint32(w.ownGlobals+1+len(w.references)))
	out = append(out, w.out[secGlobal]...)
	for _, i := range w.references {
		out = appendU32(append(out, typeFuncref, 0, opRefFunc), w.funcIndex(i))
		out = append(out, opEnd)
	}
	return out
}
