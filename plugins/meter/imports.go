package meter

// Kinds of imports and exports, 5.5.5.
const (
	kindFunc = iota
	kindTable
	kindMemory
	kindGlobal
	kinds
)

var kindNames = [kinds]string{"func", "table", "memory", "global"}

func (w *rewriter) importSection(r *reader) {
	n := w.vector(r, secImport, "imports", 4, MaxImports)
	var entries []byte
	w.module.Imports = make([]Import, 0, n)
	for range n {
		start := r.pos
		w.importEntry(r)
		if r.err != nil {
			return
		}
		from := w.module.Imports[len(w.module.Imports)-1].Module
		if to, renamed := w.cfg.Rename[from]; renamed {
			entries = appendName(entries, to)
			rest := reader{b: w.wasm, pos: start, end: r.pos}
			rest.name()
			start = rest.pos
		}
		entries = append(entries, w.wasm[start:r.pos]...)
	}
	w.importFuncs = len(w.funcs)
	w.added.yield = uint32(w.importFuncs)
	out := appendU32(nil, uint32(n+1))
	out = append(out, entries...)
	out = appendName(appendName(out, YieldModule), YieldName)
	w.out[secImport] = appendU32(append(out, kindFunc), w.added.yieldType)
}

func (w *rewriter) importEntry(r *reader) {
	at := r.pos
	imp := Import{Module: r.name(), Name: r.name()}
	if imp.Module == YieldModule {
		r.invalid(at, "imports %q from module %q, which is the host's own", imp.Name, YieldModule)
		return
	}
	kind := r.byte()
	if r.err != nil {
		return
	}
	switch kind {
	case kindFunc:
		t := r.index("type", len(w.types))
		if r.err != nil {
			return
		}
		w.funcs = append(w.funcs, t)
		imp.Signature = w.types[t].String()
	case kindTable:
		w.tableType(r)
	case kindMemory:
		w.memoryType(r)
	case kindGlobal:
		r.valueType()
		w.importVars = append(w.importVars, r.mutability())
		w.globals++
	default:
		r.invalid(r.pos-1, "unknown kind of import %#x of %q (exceptions are not supported)", kind, imp.Name)
		return
	}
	imp.Kind = kindNames[kind]
	w.module.Imports = append(w.module.Imports, imp)
}

func (r *reader) mutability() bool {
	m := r.byte()
	if r.err == nil && m > 1 {
		r.invalid(r.pos-1, "unknown mutability %#x", m)
	}
	return m == 1
}

func (w *rewriter) exportSection(r *reader) {
	n := r.count("exports", 3, MaxExports)
	out := appendU32(nil, uint32(n))
	w.module.Exports = make([]Export, 0, n)
	seen := make(map[string]bool, n)
	for range n {
		at := r.pos
		name := r.name()
		kind := r.byte()
		if r.err == nil && kind >= kinds {
			r.invalid(r.pos-1, "unknown kind of export %#x of %q", kind, name)
		}
		if r.err == nil && seen[name] {
			r.invalid(at, "%q is exported twice", name)
		}
		if r.err != nil {
			return
		}
		seen[name] = true
		spaces := [kinds]int{len(w.funcs), len(w.tables), w.memories, w.globals}
		i := r.index(kindNames[kind], spaces[kind])
		if r.err != nil {
			return
		}
		e := Export{Name: name, Kind: kindNames[kind]}
		if kind == kindFunc {
			e.Signature = w.types[w.funcs[i]].String()
			w.declared[i] = true
			i = w.funcIndex(i)
		}
		w.module.Exports = append(w.module.Exports, e)
		out = appendU32(append(appendName(out, name), kind), i)
	}
	w.out[secExport] = out
}
