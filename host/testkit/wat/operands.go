package wat

import "strings"

// operands reads what stands behind the name of an instruction that opens no
// block, and returns it encoded, what is behind it, and the opcode, which some
// operands decide.
func (c *code) operands(n node, items []node) (b []byte, rest []node, encoded []byte) {
	op, ok := opcodes[n.text]
	if !ok {
		fail(n.line, "unknown instruction %q", n.text)
	}
	encoded = op.code
	take := func() node {
		if len(items) == 0 {
			fail(n.line, "%s lacks an operand", n.text)
		}
		first := items[0]
		items = items[1:]
		return first
	}
	indices := func() int { // that follow
		k := 0
		for k < len(items) && (isNumber(items[k]) || items[k].isName()) {
			k++
		}
		return k
	}
	in := func(kind string) { b = unsigned(b, c.a.spaces[kind].index(take())) }
	table := func() { // may be left out
		if indices() > 0 {
			in("table")
		} else {
			b = append(b, 0)
		}
	}
	switch op.operand {
	case noOperand:
	case aLabel:
		b = unsigned(b, c.labelIndex(take()))
	case labels:
		k := indices()
		if k == 0 {
			fail(n.line, "br_table without a label")
		}
		b = unsigned(b, uint64(k-1))
		for range k {
			b = unsigned(b, c.labelIndex(take()))
		}
	case aFunc:
		in("func")
	case indirect:
		t := uint64(0)
		if indices() > 0 {
			t = c.a.spaces["table"].index(take())
		}
		var typ uint64
		typ, _, items = c.a.typeUse(items)
		b = unsigned(unsigned(b, typ), t)
	case aLocal:
		b = unsigned(b, c.localIndex(take()))
	case aGlobal:
		in("global")
	case aTable:
		table()
	case tableCopy:
		table()
		table()
	case tableInit:
		t := []byte{0}
		if indices() > 1 {
			t = unsigned(nil, c.a.spaces["table"].index(take()))
		}
		in("elem")
		b = append(b, t...)
	case anElem:
		in("elem")
	case aData, memoryInit:
		c.a.countData = true
		in("data")
		if op.operand == memoryInit {
			b = append(b, 0)
		}
	case oneZero:
		b = append(b, 0)
	case twoZeros:
		b = append(b, 0, 0)
	case memArg:
		b, items = memoryArgument(op, items)
	case constI32:
		b = signed(b, integer(take(), 32))
	case constI64:
		b = signed(b, integer(take(), 64))
	case constF32:
		b = float(b, take(), 32)
	case constF64:
		b = float(b, take(), 64)
	case constV128:
		if shape := take(); shape.text != "i64x2" {
			fail(shape.line, "v128.const knows i64x2 only")
		}
		for range 2 {
			v := uint64(integer(take(), 64))
			for shift := 0; shift < 64; shift += 8 {
				b = append(b, byte(v>>shift))
			}
		}
	case selects:
		if len(items) > 0 && items[0].head() == "result" {
			encoded, b = []byte{0x1c}, append(b, 1, valueType(one(items[0], items[0].list[1:])))
			items = items[1:]
		}
	case heapType:
		t := take()
		b = append(b, valueType(node{text: t.text + "ref", line: t.line}))
	}
	return b, items, encoded
}

// memoryArgument reads offset= and align=.
func memoryArgument(op opcode, items []node) (b []byte, rest []node) {
	offset, align := uint64(0), op.align
	for ; len(items) > 0 && items[0].kind == atom; items = items[1:] {
		key, value, ok := strings.Cut(items[0].text, "=")
		if !ok {
			break
		}
		v := count(node{text: value, line: items[0].line})
		switch key {
		case "offset":
			offset = v
		case "align":
			for align = 0; v > 1; v >>= 1 {
				align++
			}
		default:
			fail(items[0].line, "unknown %q", key)
		}
	}
	return unsigned(unsigned(b, align), offset), items
}

func (c *code) labelIndex(n node) uint64 {
	if !n.isName() {
		return count(n)
	}
	for i := len(c.labels) - 1; i >= 0; i-- {
		if c.labels[i] == n.text {
			return uint64(len(c.labels) - 1 - i)
		}
	}
	fail(n.line, "there is no label %s", n.text)
	return 0
}

func (c *code) localIndex(n node) uint64 {
	if !n.isName() {
		return count(n)
	}
	i, ok := c.locals[n.text]
	if !ok {
		fail(n.line, "there is no local %s", n.text)
	}
	return i
}
