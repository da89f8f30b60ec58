package meter

// lengthHelpers appends the bodies of the first added functions: the one that yields
// and those that charge by a length.
func (w *rewriter) lengthHelpers(out []byte) []byte {
	refill := appendU32([]byte{0, opCall}, w.added.yield)
	refill = appendU32(append(refill, opGlobalSet), w.added.counter)
	out = appendBody(out, append(refill, opEnd))
	for i := helperBytes; i < helperCopy; i++ {
		text := appendU32([]byte{0, opGlobalGet}, w.added.counter)
		text = append(text, opLocalGet, 0, opI64ExtendU)
		switch i {
		case helperBytes:
			text = append(text, opI64Const, bytesShift, opI64ShrU)
		case helperEntries:
			text = append(text, opI64Const, entriesShift, opI64ShrU)
		case helperPages:
			if w.memories > 0 {
				text = append(text, opMemorySize, 0, opI64ExtendU, opI64Add)
			}
			text = append(text, opI64Const, pagesShift, opI64Shl)
		}
		text = w.settle(append(text, opI64Sub))
		text = appendU32(append(text, opCall), w.added.refill)
		out = appendBody(out, append(text, opEnd, opLocalGet, 0, opEnd))
	}
	return out
}
