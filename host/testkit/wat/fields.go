package wat

// declare takes one field of the module: it gives it its number at once, and
// leaves what may name other things for later.
func (a *assembler) declare(f node) {
	items := f.list
	if f.kind != list || len(items) == 0 {
		fail(f.line, "want a field of the module")
	}
	items = items[1:]
	switch head := f.head(); head {
	case "type":
		items = a.typeSpace.add(items)
		if len(items) != 1 || items[0].head() != "func" {
			fail(f.line, "want (type (func ...))")
		}
		encoded, _, rest := signature(items[0].list[1:])
		if len(rest) > 0 {
			fail(f.line, "a type is parameters and results")
		}
		a.types = append(a.types, encoded)
	case "import":
		a.importField(f, items)
	case "func", "table", "memory", "global":
		a.define(head, f, items)
	case "export":
		at := len(a.entries[secExport])
		a.put(secExport, nil)
		a.definitions = append(a.definitions, func() { a.entries[secExport][at] = a.exportField(f, items) })
	case "start":
		a.definitions = append(a.definitions, func() { a.start = unsigned(nil, a.spaces["func"].index(one(f, items))) })
	case "elem":
		items = a.spaces["elem"].add(items)
		a.definitions = append(a.definitions, func() { a.elem(items) })
	case "data":
		items = a.spaces["data"].add(items)
		a.definitions = append(a.definitions, func() { a.data(f, items) })
	case "@custom":
		if len(items) != 2 {
			fail(f.line, "want (@custom \"name\" \"data\")")
		}
		a.customs = append(a.customs, append(sized(nil, stringOf(items[0])), stringOf(items[1])...))
	default:
		fail(f.line, "unknown field %q", head)
	}
}

// one is the only item of a field.
func one(f node, items []node) node {
	if len(items) != 1 {
		fail(f.line, "(%s) takes one thing", f.head())
	}
	return items[0]
}

// importField is (import "module" "name" (kind ...)).
func (a *assembler) importField(f node, items []node) {
	if len(items) != 3 || items[2].kind != list {
		fail(f.line, "want (import \"module\" \"name\" (...))")
	}
	a.imported(items[2], stringOf(items[0]), stringOf(items[1]), a.add(items[2].head(), items[2], items[2].list[1:]))
}

func (a *assembler) add(kind string, f node, items []node) []node {
	s, ok := a.spaces[kind]
	if _, external := kinds[kind]; !ok || !external {
		fail(f.line, "unknown kind %q", kind)
	}
	return s.add(items)
}

func (a *assembler) imported(f node, module, name string, items []node) {
	kind := f.head()
	if a.defined(kind) {
		fail(f.line, "an import behind what is defined")
	}
	entry := append(sized(sized(nil, module), name), kinds[kind])
	at := len(a.entries[secImport])
	a.put(secImport, nil)
	a.definitions = append(a.definitions, func() {
		switch kind {
		case "func":
			t, _, rest := a.typeUse(items)
			end(f, rest)
			entry = unsigned(entry, t)
		case "table":
			entry = append(entry, tableType(f, items)...)
		case "memory":
			entry = append(entry, limits(f, items)...)
		case "global":
			entry = append(entry, globalType(one(f, items))...)
		}
		a.entries[secImport][at] = entry
	})
}

func end(f node, rest []node) {
	if len(rest) > 0 {
		fail(rest[0].line, "unexpected %q in (%s)", rest[0].text+rest[0].head(), f.head())
	}
}

// defined says whether something of a kind is defined already.
func (a *assembler) defined(kind string) bool {
	return len(a.entries[map[string]int{"func": secFunction, "table": secTable, "memory": secMemory, "global": secGlobal}[kind]]) > 0
}

// define takes a function, table, memory or global, which may be exported or
// imported in passing.
func (a *assembler) define(kind string, f node, items []node) {
	index := uint64(a.spaces[kind].n)
	items = a.add(kind, f, items)
	for len(items) > 0 && items[0].head() == "export" {
		name := stringOf(one(items[0], items[0].list[1:]))
		a.put(secExport, unsigned(append(sized(nil, name), kinds[kind]), index))
		items = items[1:]
	}
	if len(items) > 0 && items[0].head() == "import" {
		from := items[0].list
		if len(from) != 3 {
			fail(f.line, "want (import \"module\" \"name\")")
		}
		a.imported(f, stringOf(from[1]), stringOf(from[2]), items[1:])
		return
	}
	switch kind {
	case "func":
		at := len(a.entries[secFunction])
		a.put(secFunction, nil)
		a.put(secCode, nil)
		a.definitions = append(a.definitions, func() {
			t, params, rest := a.typeUse(items)
			a.entries[secFunction][at] = unsigned(nil, t)
			a.entries[secCode][at] = a.function(params, rest)
		})
	case "table":
		a.put(secTable, tableType(f, items))
	case "memory":
		a.put(secMemory, limits(f, items))
	case "global":
		if len(items) == 0 {
			fail(f.line, "a global without a type")
		}
		at := len(a.entries[secGlobal])
		a.put(secGlobal, nil)
		a.definitions = append(a.definitions, func() {
			a.entries[secGlobal][at] = append(globalType(items[0]), a.constant(items[1:])...)
		})
	}
}

// exportField is (export "name" (kind index)).
func (a *assembler) exportField(f node, items []node) []byte {
	if len(items) != 2 {
		fail(f.line, "want (export \"name\" (kind index))")
	}
	kind, known := kinds[items[1].head()]
	if !known {
		fail(f.line, "unknown kind %q", items[1].head())
	}
	i := a.spaces[items[1].head()].index(one(items[1], items[1].list[1:]))
	return unsigned(append(sized(nil, stringOf(items[0])), kind), i)
}

// data is (data offset? "bytes"...).
func (a *assembler) data(f node, items []node) {
	var entry []byte
	if len(items) > 0 && items[0].head() == "memory" {
		if a.spaces["memory"].index(one(items[0], items[0].list[1:])) != 0 {
			fail(f.line, "a memory other than the first")
		}
		items = items[1:]
	}
	if len(items) > 0 && items[0].kind == list {
		entry = append([]byte{0}, a.constant(offset(items[0]))...)
		items = items[1:]
	} else {
		entry = []byte{1}
	}
	content := ""
	for _, s := range items {
		content += stringOf(s)
	}
	a.put(secData, sized(entry, content))
}

// offset is the instructions of (offset ...) or of one folded instruction.
func offset(n node) []node {
	if n.head() == "offset" {
		return n.list[1:]
	}
	return []node{n}
}

// elem is (elem ...) in all its forms, 6.6.5.
func (a *assembler) elem(items []node) {
	const passive, explicit, expressions = 1, 2, 4
	form, table, where := passive, uint64(0), []byte(nil)
	if len(items) > 0 && items[0].kind == atom && items[0].text == "declare" {
		form = passive | explicit
		items = items[1:]
	}
	if len(items) > 0 && items[0].head() == "table" {
		table, form = a.spaces["table"].index(one(items[0], items[0].list[1:])), explicit
		items = items[1:]
	}
	if len(items) > 0 && items[0].kind == list && items[0].head() != "item" && items[0].head() != "ref.func" {
		form &^= passive
		where = a.constant(offset(items[0]))
		items = items[1:]
	}
	kind := byte(0)
	if len(items) > 0 && items[0].kind == atom && !isNumber(items[0]) && !items[0].isName() {
		if items[0].text != "func" {
			kind, form = valueType(items[0]), form|expressions
		}
		items = items[1:]
	}
	if form == expressions && kind != valueTypes["funcref"] {
		form |= explicit
	}
	entry := unsigned(nil, uint64(form))
	if form&(passive|explicit) == explicit {
		entry = unsigned(entry, table)
	}
	entry = append(entry, where...)
	if form&(passive|explicit) != 0 {
		entry = append(entry, kind)
	}
	entry = unsigned(entry, uint64(len(items)))
	for _, i := range items {
		switch {
		case form&expressions == 0:
			entry = unsigned(entry, a.spaces["func"].index(i))
		case i.head() == "item":
			entry = append(entry, a.constant(i.list[1:])...)
		default:
			entry = append(entry, a.constant([]node{i})...)
		}
	}
	a.put(secElem, entry)
}
