package meter_test

import "slices"

// Value types.
const (
	i32       = 0x7f
	i64       = 0x7e
	f64       = 0x7c
	v128      = 0x7b
	funcref   = 0x70
	externref = 0x6f
)

// asm assembles modules. Its fields are the entries of the sections, encoded;
// a nil field makes no section.
type asm struct {
	types, imports, funcs, tables, memories, globals, exports [][]byte
	start                                                     []byte
	elements                                                  [][]byte
	dataCount                                                 []byte
	codes, datas                                              [][]byte
	customs                                                   []byte
}

// cat joins bytes, ints as one byte each, and byte slices.
func cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = append(b, byte(p))
		case string:
			b = append(b, uleb(len(p))...)
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		case []any:
			b = append(b, cat(p...)...)
		default:
			panic("cat: int, string or bytes")
		}
	}
	return b
}

func uleb(v int) []byte {
	var b []byte
	for ; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v))
}

func sleb(v int64) []byte {
	var b []byte
	for ; v < -64 || v > 63; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v)&0x7f)
}

func vec(entries [][]byte) []byte {
	return append(uleb(len(entries)), slices.Concat(entries...)...)
}

func section(id int, payload []byte) []byte {
	return cat(id, uleb(len(payload)), payload)
}

// funcType encodes a function type; results are split from params by a zero.
func funcType(types ...int) []byte {
	at := slices.Index(types, 0)
	b := cat(0x60, at)
	for i, t := range types {
		if i == at {
			b = append(b, byte(len(types)-at-1))
			continue
		}
		b = append(b, byte(t))
	}
	return b
}

// code encodes a body with the given groups of locals (count, type).
func code(locals [][2]int, text ...any) []byte {
	b := uleb(len(locals))
	for _, l := range locals {
		b = cat(b, uleb(l[0]), l[1])
	}
	b = append(b, cat(text...)...)
	return cat(uleb(len(b)), b)
}

// export encodes an export of function index.
func export(name string, index int) []byte { return cat(name, 0, uleb(index)) }

// bytes gives the module.
func (a asm) bytes() []byte {
	b := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range []struct {
		id      int
		entries [][]byte
	}{{1, a.types}, {2, a.imports}, {3, a.funcs}, {4, a.tables}, {5, a.memories}, {6, a.globals}, {7, a.exports}} {
		if s.entries != nil {
			b = append(b, section(s.id, vec(s.entries))...)
		}
	}
	if a.start != nil {
		b = append(b, section(8, a.start)...)
	}
	if a.elements != nil {
		b = append(b, section(9, vec(a.elements))...)
	}
	if a.dataCount != nil {
		b = append(b, section(12, a.dataCount)...)
	}
	if a.codes != nil {
		b = append(b, section(10, vec(a.codes))...)
	}
	if a.datas != nil {
		b = append(b, section(11, vec(a.datas))...)
	}
	return append(b, a.customs...)
}

// one gives a module with one exported function "f" of the given type, a
// memory of a page and a table of 10 funcref, 1 global i32.
func one(t []byte, locals [][2]int, text ...any) asm {
	return asm{
		types:    [][]byte{t},
		funcs:    [][]byte{{0}},
		tables:   [][]byte{{funcref, 0, 10}},
		memories: [][]byte{{0, 1}},
		globals:  [][]byte{cat(i32, 1, 0x41, 0, 0x0b)},
		exports:  [][]byte{export("f", 0)},
		codes:    [][]byte{code(locals, text...)},
	}
}
