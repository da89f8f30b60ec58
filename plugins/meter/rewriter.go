package meter

// rewriter holds the index spaces of the original module and the sections of
// the rewritten one.
type rewriter struct {
	wasm   []byte
	cfg    Config
	known  [sections]span
	module Module

	types       []funcType
	funcs       []uint32 // type index of each function, imports first
	globals     int      // with the imported ones
	ownGlobals  int
	tables      []table
	memories    int
	elements    int
	dataCount   int
	hasCount    bool
	importFuncs int
	importVars  []bool // mutability of each imported global
	tangle      uint64
	// declared are the functions that ref.func may name, 3.4.10.
	declared map[uint32]bool
	// references are the functions that ref.func names, in the order of the
	// globals that are added for them, and referenceOf their numbers there.
	references  []uint32
	referenceOf map[uint32]uint32
	// long are the data segments of more than one piece, and longOf their numbers
	// there.
	long   []longSegment
	longOf map[uint32]uint32

	added added
	out   [sections][]byte
}

// added is where the things that the rewrite adds stand in the new index
// spaces.
type added struct {
	yieldType, plainType, lengthType, moveType uint32

	yield   uint32 // the import
	refill  uint32 // first of the added functions
	counter uint32 // behind it: the references
}

// Added functions, counted from added.refill.
const (
	helperRefill  = iota // () -> (): counter = yield()
	helperBytes          // (i32) -> i32: charge for bytes, give them back
	helperPages          // the same for memory pages
	helperEntries        // the same for table elements
	helperCopy           // (i32, i32, i32) -> (): memory.copy in pieces
	helperFill           // the same for memory.fill
	helperInit           // the first of those for memory.init, one for each long segment
)

// helpers is how many functions are added. It is known once the data section
// was read.
func (w *rewriter) helpers() int { return helperInit + len(w.long) }

// step reads one section, if the module has it, and writes its new form.
type step struct {
	id  int
	run func(*rewriter, *reader)
	// always: the section is written even if the original lacks it.
	always bool
}

// steps are in the order in which the sections need each other: that of the
// binary format, but for the data, whose segments decide what becomes of a
// memory.init.
var steps = [...]step{
	{secType, (*rewriter).typeSection, true},
	{secImport, (*rewriter).importSection, true},
	{secFunction, (*rewriter).functionSection, true},
	{secTable, (*rewriter).tableSection, false},
	{secMemory, (*rewriter).memorySection, false},
	{secGlobal, (*rewriter).globalSection, true},
	{secExport, (*rewriter).exportSection, false},
	{secStart, (*rewriter).startSection, false},
	{secElement, (*rewriter).elementSection, false},
	{secDataCount, (*rewriter).dataCountSection, false},
	{secData, (*rewriter).dataSection, false},
	{secCode, (*rewriter).codeSection, true},
}

// written is the order of the binary format.
var written = func() (ids [sections - 1]byte) {
	for id, rank := range sectionRank {
		if rank > 0 {
			ids[rank-1] = byte(id)
		}
	}
	return ids
}()

func (w *rewriter) run() error {
	size := len(header)
	for _, s := range steps {
		at := w.known[s.id]
		if at.start == 0 && !s.always {
			continue
		}
		r := reader{b: w.wasm, pos: at.start, end: at.end, section: sectionNames[s.id]}
		s.run(w, &r)
		r.done()
		if r.err != nil {
			return r.err
		}
		size += len(w.out[s.id]) + 6
	}
	// A missing data section is a data section without segments.
	if w.hasCount && w.dataCount != 0 && w.known[secData].start == 0 {
		return &Error{Offset: w.known[secDataCount].start, Section: sectionNames[secDataCount], Kind: ErrInvalid,
			Reason: "counts segments, but there is no data section"}
	}
	w.out[secGlobal] = w.globalsAndReferences()
	w.out[secFunction] = w.functionsAndHelpers()
	wasm := append(make([]byte, 0, size), header...)
	for _, id := range written {
		if w.out[id] != nil {
			wasm = appendSection(wasm, id, w.out[id])
		}
	}
	w.module.Wasm = wasm
	return nil
}

// vector reads the length of a section's vector; a section that isn't there is
// an empty one.
func (w *rewriter) vector(r *reader, id int, what string, size, limit int) int {
	if w.known[id].start == 0 {
		return 0
	}
	return r.count(what, size, limit)
}

// funcIndex gives the new index of a function: its own ones moved up by the
// added import.
func (w *rewriter) funcIndex(i uint32) uint32 {
	if int(i) >= w.importFuncs {
		return i + 1
	}
	return i
}
