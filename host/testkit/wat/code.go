package wat

import "strings"

// code writes the instructions of one function or constant expression.
type code struct {
	a      *assembler
	out    []byte
	locals map[string]uint64
	labels []string // of the open blocks, the innermost last
}

// constant encodes a constant expression with its end.
func (a *assembler) constant(items []node) []byte {
	c := &code{a: a}
	c.sequence(items)
	return append(c.out, opEnd)
}

// function encodes a function's locals and instructions, with their size.
func (a *assembler) function(params []string, items []node) []byte {
	c := &code{a: a, locals: map[string]uint64{}, labels: []string{""}}
	n := uint64(0)
	name := func(s string) {
		if s != "" {
			c.locals[s] = n
		}
		n++
	}
	for _, p := range params {
		name(p)
	}
	var groups [][]byte
	group := func(times uint64, t byte) {
		if last := len(groups) - 1; times == 1 && last >= 0 && groups[last][len(groups[last])-1] == t {
			_, had := uvarint(string(groups[last]))
			groups[last] = append(unsigned(nil, uint64(had)+1), t)
			return
		}
		groups = append(groups, append(unsigned(nil, times), t))
	}
	for len(items) > 0 && items[0].head() == "local" {
		types := items[0].list[1:]
		if len(types) == 2 && types[0].isName() {
			name(types[0].text)
			group(1, valueType(types[1]))
		} else {
			for _, t := range types {
				name("")
				group(1, valueType(t))
			}
		}
		items = items[1:]
	}
	c.sequence(items)
	body := unsigned(nil, uint64(len(groups)))
	for _, g := range groups {
		body = append(body, g...)
	}
	return sized(nil, string(append(append(body, c.out...), opEnd)))
}

// sequence encodes instructions, flat or folded.
func (c *code) sequence(items []node) {
	depth, last := len(c.labels), 0
	for len(items) > 0 {
		n := items[0]
		items, last = items[1:], n.line
		if n.kind == list {
			c.folded(n)
			continue
		}
		switch n.text {
		case "block", "loop", "if":
			items = c.open(n.text, items)
		case "else":
			c.out = append(c.out, opElse)
			items = c.label(items)
		case "end":
			if len(c.labels) == depth {
				fail(n.line, "an end without a block")
			}
			c.shut()
			items = c.label(items)
		default:
			operands, rest, op := c.operands(n, items)
			c.out = append(append(c.out, op...), operands...)
			items = rest
		}
	}
	if len(c.labels) > depth {
		fail(last, "a block without its end")
	}
}

// label skips the name that may be repeated behind else and end.
func (c *code) label(items []node) []node {
	if len(items) > 0 && items[0].isName() {
		return items[1:]
	}
	return items
}

func (c *code) folded(n node) {
	name, items := n.head(), n.list[min(1, len(n.list)):]
	switch name {
	case "block", "loop":
		c.sequence(c.open(name, items))
		c.shut()
	case "if":
		c.foldedIf(n, items)
	case "":
		fail(n.line, "want an instruction")
	default:
		operands, rest, op := c.operands(n.list[0], items)
		for _, r := range rest {
			if r.kind != list {
				fail(r.line, "unexpected %q behind %s", r.text, name)
			}
			c.folded(r)
		}
		c.out = append(append(c.out, op...), operands...)
	}
}

// foldedIf is (if label? type condition... (then ...) (else ...)?): the
// condition comes before the opcode.
func (c *code) foldedIf(n node, items []node) {
	at := 0
	for at < len(items) && (items[at].kind == atom || isBlockType(items[at])) {
		at++
	}
	then := at
	for then < len(items) && items[then].head() != "then" {
		then++
	}
	if then == len(items) {
		fail(n.line, "an if without its then")
	}
	c.sequence(items[at:then])
	end(n, c.open("if", items[:at]))
	c.sequence(items[then].list[1:])
	if rest := items[then+1:]; len(rest) > 0 {
		if rest[0].head() != "else" || len(rest) > 1 {
			fail(rest[0].line, "want (else ...) alone")
		}
		if len(rest[0].list) > 1 {
			c.out = append(c.out, opElse)
			c.sequence(rest[0].list[1:])
		}
	}
	c.shut()
}

func isBlockType(n node) bool {
	switch n.head() {
	case "type", "param", "result":
		return true
	}
	return false
}

// open encodes a block's opcode and type.
func (c *code) open(name string, items []node) []node {
	label := ""
	if len(items) > 0 && items[0].isName() {
		label, items = items[0].text, items[1:]
	}
	c.labels = append(c.labels, label)
	c.out = append(c.out, blocks[name])
	if len(items) == 0 || !isBlockType(items[0]) {
		c.out = append(c.out, emptyBlock)
		return items
	}
	if items[0].head() != "type" {
		encoded, _, rest := signature(items)
		if results := strings.TrimPrefix(encoded, "\x60\x00\x01"); results != encoded {
			c.out = append(c.out, results...)
			return rest
		}
	}
	t, _, rest := c.a.typeUse(items)
	c.out = signed(c.out, int64(t))
	return rest
}

func (c *code) shut() {
	c.out = append(c.out, opEnd)
	c.labels = c.labels[:len(c.labels)-1]
}
