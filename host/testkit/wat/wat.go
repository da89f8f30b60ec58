package wat

// Assemble returns the module that text describes. The error is an *Error.
func Assemble(text string) (wasm []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			e, ours := p.(*Error)
			if !ours {
				panic(p)
			}
			err = e
		}
	}()
	l := &lexer{src: text, line: 1}
	module, ok := l.next()
	if !ok || module.head() != "module" {
		fail(1, "want (module ...)")
	}
	if extra, more := l.next(); more {
		fail(extra.line, "something behind the module")
	}
	if l.pos != len(l.src) {
		fail(l.line, "a parenthesis too many")
	}
	fields := module.list[1:]
	if len(fields) > 0 && fields[0].isName() {
		fields = fields[1:]
	}
	if len(fields) > 0 && fields[0].kind == atom && fields[0].text == "binary" {
		for _, s := range fields[1:] {
			wasm = append(wasm, stringOf(s)...)
		}
		return wasm, nil
	}
	a := newAssembler()
	for _, f := range fields {
		a.declare(f)
	}
	for _, d := range a.definitions {
		d()
	}
	return a.bytes(), nil
}

func stringOf(n node) string {
	if n.kind != str {
		fail(n.line, "want a string")
	}
	return n.text
}

// space is an index space: what is in it has numbers, and names if it likes.
type space struct {
	what  string
	names map[string]int
	n     int
}

func (s *space) add(items []node) []node {
	if len(items) > 0 && items[0].isName() {
		name := items[0].text
		if _, ok := s.names[name]; ok {
			fail(items[0].line, "%s %s is there twice", s.what, name)
		}
		s.names[name] = s.n
		items = items[1:]
	}
	s.n++
	return items
}

// index reads a name or a number; a number is taken as it is.
func (s *space) index(n node) uint64 {
	if !n.isName() {
		return count(n)
	}
	i, ok := s.names[n.text]
	if !ok {
		fail(n.line, "there is no %s %s", s.what, n.text)
	}
	return uint64(i)
}

// Section numbers of the binary format, and of external kinds.
const (
	secCustom    = 0
	secType      = 1
	secImport    = 2
	secFunction  = 3
	secTable     = 4
	secMemory    = 5
	secGlobal    = 6
	secExport    = 7
	secStart     = 8
	secElem      = 9
	secCode      = 10
	secData      = 11
	secDataCount = 12
)

var kinds = map[string]byte{"func": 0, "table": 1, "memory": 2, "global": 3}

// assembler holds the index spaces and the entries of the sections.
type assembler struct {
	types     []string // encoded
	typeSpace space
	spaces    map[string]*space
	entries   [secDataCount + 1][][]byte
	start     []byte
	customs   [][]byte
	// definitions encode what may name things that stand further down.
	definitions []func()
	countData   bool
}

func newAssembler() *assembler {
	a := &assembler{typeSpace: space{what: "type", names: map[string]int{}}, spaces: map[string]*space{}}
	for _, what := range []string{"func", "table", "memory", "global", "elem", "data"} {
		a.spaces[what] = &space{what: what, names: map[string]int{}}
	}
	return a
}

func (a *assembler) put(section int, entry []byte) {
	a.entries[section] = append(a.entries[section], entry)
}

// bytes puts the sections together.
func (a *assembler) bytes() []byte {
	for _, t := range a.types {
		a.put(secType, []byte(t))
	}
	out := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, content []byte) { out = sized(append(out, id), string(content)) }
	for _, id := range []byte{secType, secImport, secFunction, secTable, secMemory, secGlobal, secExport, secStart, secElem, secDataCount, secCode, secData} {
		switch entries := a.entries[id]; {
		case id == secStart && a.start != nil:
			section(id, a.start)
		case id == secDataCount && a.countData:
			section(id, unsigned(nil, uint64(len(a.entries[secData]))))
		case len(entries) > 0:
			content := unsigned(nil, uint64(len(entries)))
			for _, e := range entries {
				content = append(content, e...)
			}
			section(id, content)
		}
	}
	for _, c := range a.customs {
		section(secCustom, c)
	}
	return out
}
