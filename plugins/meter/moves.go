package meter

// Nothing can come between a WebAssembly instruction and its end, and one
// memory.copy may move all the memory there is. So the added functions do what
// memory.copy, memory.fill and memory.init do, in pieces, with a charge before
// each. A length of up to one piece is a plain instruction.

// longSegment is a data segment of more than one piece. One memory.init of a
// shorter one can't take long: beyond its end it traps. Active segments are
// among them, since the engine doesn't drop them as 4.5.4 says.
type longSegment struct{ index, size uint32 }

// segment notes a segment if it is a long one. Without a memory and a data
// count no memory.init is valid.
func (w *rewriter) segment(index, size uint32) {
	if size <= piece || w.memories == 0 || !w.hasCount {
		return
	}
	w.longOf[index] = uint32(len(w.long))
	w.long = append(w.long, longSegment{index, size})
}

// Parameters of the functions that move memory.
const (
	moveTo   = iota
	moveFrom // for memory.fill: the value
	moveLength
)

// moveHelpers appends the functions that move memory.
func (w *rewriter) moveHelpers(out []byte) []byte {
	out = w.moveHelper(out, []byte{opMisc, miscMemoryCopy, 0, 0}, func(text []byte) []byte {
		text = outOfMemory(text, moveFrom)
		// Where the ranges overlap, no piece may be written before it is read.
		text = append(text, opLocalGet, moveTo, opLocalGet, moveFrom, opI32GtU, opIf, blockEmpty)
		text = w.backward(text)
		text = w.forward(append(text, opElse), []byte{opMisc, miscMemoryCopy, 0, 0}, moveTo, moveFrom)
		return append(text, opEnd)
	})
	out = w.moveHelper(out, []byte{opMisc, miscMemoryFill, 0}, func(text []byte) []byte {
		return w.forward(text, []byte{opMisc, miscMemoryFill, 0}, moveTo)
	})
	for _, s := range w.long {
		init := append(appendU32([]byte{opMisc, miscMemoryInit}, s.index), 0)
		out = w.moveHelper(out, init, func(text []byte) []byte {
			// Of a segment that was dropped, already the first piece traps.
			text = rangeEnd(text, moveFrom)
			text = appendS64(append(text, opI64Const), int64(s.size))
			text = append(text, opI64GtU, opBrIf, 0)
			return w.forward(text, init, moveTo, moveFrom)
		})
	}
	return out
}

// moveHelper appends one of them. pieces appends the code that does all but the
// last piece; a branch out of it leaves all of it to the instruction itself,
// which traps before it writes anything.
func (w *rewriter) moveHelper(out, instruction []byte, pieces func(text []byte) []byte) []byte {
	if w.memories == 0 {
		return appendBody(out, []byte{0, opEnd})
	}
	text := append(longer([]byte{0}), opIf, blockEmpty, opBlock, blockEmpty)
	text = pieces(outOfMemory(text, moveTo))
	text = append(text, opEnd, opEnd)
	text = appendU32(append(text, opGlobalGet), w.added.counter)
	text = append(text, opLocalGet, moveLength, opI64ExtendU, opI64Const, bytesShift, opI64ShrU)
	text = w.settle(append(text, opI64Sub))
	text = append(appendU32(append(text, opCall), w.added.refill), opEnd)
	text = append(text, opLocalGet, moveTo, opLocalGet, moveFrom, opLocalGet, moveLength)
	return appendBody(out, append(append(text, instruction...), opEnd))
}

// forward appends a loop that does pieces from the start, and moves what is in
// the given parameters past each.
func (w *rewriter) forward(text, instruction []byte, moved ...byte) []byte {
	text = w.spend(append(text, opLoop, blockEmpty), piece>>bytesShift)
	text = appendPiece(append(text, opLocalGet, moveTo, opLocalGet, moveFrom))
	text = append(text, instruction...)
	for _, local := range moved {
		text = appendPiece(append(text, opLocalGet, local))
		text = append(text, opI32Add, opLocalSet, local)
	}
	return append(longer(lessPiece(text)), opBrIf, 0, opEnd)
}

// backward appends a loop that copies pieces from the end.
func (w *rewriter) backward(text []byte) []byte {
	text = w.spend(append(text, opLoop, blockEmpty), piece>>bytesShift)
	text = lessPiece(text)
	for _, local := range []byte{moveTo, moveFrom} {
		text = append(text, opLocalGet, local, opLocalGet, moveLength, opI32Add)
	}
	text = append(appendPiece(text), opMisc, miscMemoryCopy, 0, 0)
	return append(longer(text), opBrIf, 0, opEnd)
}

// longer appends: is there more than one piece?
func longer(text []byte) []byte {
	return append(appendPiece(append(text, opLocalGet, moveLength)), opI32GtU)
}

// lessPiece appends: one piece is done.
func lessPiece(text []byte) []byte {
	return append(appendPiece(append(text, opLocalGet, moveLength)), opI32Sub, opLocalSet, moveLength)
}

func appendPiece(text []byte) []byte { return appendS64(append(text, opI32Const), piece) }

// outOfMemory appends: leave if the range at start ends behind the memory.
func outOfMemory(text []byte, start byte) []byte {
	text = append(rangeEnd(text, start), opMemorySize, 0, opI64ExtendU, opI64Const, pageShift, opI64Shl)
	return append(text, opI64GtU, opBrIf, 0)
}

// rangeEnd appends the end of the range at start, of 64 bits: it can't wrap.
func rangeEnd(text []byte, start byte) []byte {
	return append(text, opLocalGet, start, opI64ExtendU, opLocalGet, moveLength, opI64ExtendU, opI64Add)
}
