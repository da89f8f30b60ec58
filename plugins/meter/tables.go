package meter

// table is one table of the original. own is false for an imported one, whose
// size is its owner's concern.
type table struct {
	ref      byte
	min, max uint32
	hasMax   bool
	own      bool
}

// limits reads the size of a table or memory, 5.3.7.
func (r *reader) limits(what string) (lo, hi uint32, hasMax bool) {
	at := r.pos
	switch flag := r.byte(); {
	case r.err != nil:
		return 0, 0, false
	case flag&^3 != 0 && flag <= 7:
		r.invalid(at, "a 64-bit %s: memory64 is not supported", what)
	case flag > 3:
		r.invalid(at, "unknown limits %#x of a %s", flag, what)
	case flag&2 != 0:
		r.invalid(at, "a shared %s: threads are not supported", what)
	default:
		lo = r.u32()
		if hasMax = flag == 1; hasMax {
			if hi = r.u32(); r.err == nil && hi < lo {
				r.invalid(at, "a %s with minimum %d above its maximum %d", what, lo, hi)
			}
		}
	}
	return lo, hi, hasMax
}

func (w *rewriter) tableType(r *reader) {
	at := r.pos
	if len(w.tables) == MaxTables {
		r.fail(at, ErrLimit, "more than %d tables", MaxTables)
		return
	}
	t := table{ref: r.refType()}
	t.min, t.max, t.hasMax = r.limits("table")
	if r.err != nil {
		return
	}
	w.tables = append(w.tables, t)
	w.module.TableElements += uint64(t.min)
	if w.module.TableElements > uint64(w.cfg.MaxTableElements) {
		r.fail(at, ErrLimit, "the tables begin with %d elements or more; at most %d are allowed", w.module.TableElements, w.cfg.MaxTableElements)
	}
}

func (w *rewriter) tableSection(r *reader) {
	n := r.count("tables", 3, MaxTables)
	for range n {
		w.tableType(r)
		if r.err != nil {
			return
		}
		w.tables[len(w.tables)-1].own = true
	}
	own := w.tables[len(w.tables)-n:]
	shareElements(own, w.cfg.MaxTableElements-uint32(w.module.TableElements))
	out := appendU32(nil, uint32(n))
	for _, t := range own {
		out = append(out, t.ref, 1)
		out = appendU32(appendU32(out, t.min), t.max)
	}
	w.out[secTable] = out
}

// shareElements gives every table a maximum, so that all of them together stay
// within the minima and spare: the engine then refuses a table.grow beyond it
// by itself. Each table in turn gets an equal share of what is left, or less if
// it declares less, which leaves more for those behind it. A single table gets
// all.
func shareElements(tables []table, spare uint32) {
	for i := range tables {
		t := &tables[i]
		grant := spare / uint32(len(tables)-i)
		if t.hasMax {
			grant = min(grant, t.max-t.min)
		}
		t.max, t.hasMax = t.min+grant, true
		spare -= grant
	}
}

func (w *rewriter) memoryType(r *reader) {
	at := r.pos
	if w.memories++; w.memories > 1 {
		r.invalid(at, "more than one memory: multi-memory is not supported")
		return
	}
	m := Memory{Present: true}
	m.Min, m.Max, m.HasMax = r.limits("memory")
	if r.err != nil {
		return
	}
	if limit := w.cfg.MaxMemoryPages; limit != 0 && m.Min > limit {
		r.fail(at, ErrLimit, "the memory begins with %d pages of 64 KiB; at most %d are allowed", m.Min, limit)
		return
	}
	w.module.Memory = m
}

func (w *rewriter) memorySection(r *reader) {
	start := r.pos
	for range r.count("memories", 2, r.end) {
		if w.memoryType(r); r.err != nil {
			return
		}
	}
	w.out[secMemory] = w.wasm[start:r.end]
}
