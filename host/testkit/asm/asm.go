// Package asm writes small WebAssembly modules by hand, for tests that need one
// that no compiler would make.
package asm

import (
	"bytes"

	"github.com/patchbay-dev/patchbay/abi"
)

// Module is a module in the making. Imports come before functions.
type Module struct {
	types, imports, funcs, tables, memories, exports, code, data, customs [][]byte
	imported                                                              int
	start                                                                 []byte
}

// Import adds an imported function and returns its index. Types are spelled
// with i for i32 and l for i64.
func (m *Module) Import(module, name, params, results string) int {
	entry := append(Name(module), Name(name)...)
	entry = append(entry, 0x00)
	m.imports = append(m.imports, append(entry, U(m.typ(params, results))...))
	m.imported++
	return m.imported - 1
}

// Func adds a function and returns its index. body is its instructions without
// the final end; locals are i32s beyond the parameters.
func (m *Module) Func(params, results string, locals int, body ...[]byte) int {
	m.funcs = append(m.funcs, U(m.typ(params, results)))
	var b []byte
	if locals > 0 {
		b = append(append(append(b, 0x01), U(locals)...), 0x7f)
	} else {
		b = append(b, 0x00)
	}
	b = append(append(b, bytes.Join(body, nil)...), 0x0b)
	m.code = append(m.code, append(U(len(b)), b...))
	return m.imported + len(m.funcs) - 1
}

// Memory adds the memory, exported under its usual name; pages beyond max,
// unless max is 0, are not to be had.
func (m *Module) Memory(minPages, maxPages int) {
	m.memories = append(m.memories, limits(minPages, maxPages))
	m.exports = append(m.exports, append(append(Name("memory"), 0x02), U(0)...))
}

// Table adds a table of function references.
func (m *Module) Table(elements int) {
	m.tables = append(m.tables, append([]byte{0x70}, limits(elements, 0)...))
}

// Export exports a function.
func (m *Module) Export(name string, function int) {
	m.exports = append(m.exports, append(append(Name(name), 0x00), U(function)...))
}

// Start makes a function the start function.
func (m *Module) Start(function int) { m.start = U(function) }

// Data puts bytes into the memory at the start.
func (m *Module) Data(offset int, data []byte) {
	entry := append([]byte{0x00}, I32(offset)...)
	entry = append(append(entry, 0x0b), U(len(data))...)
	m.data = append(m.data, append(entry, data...))
}

// Custom adds a custom section.
func (m *Module) Custom(name string, data []byte) {
	m.customs = append(m.customs, append(Name(name), data...))
}

// Bytes returns the module.
func (m *Module) Bytes() []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, content []byte) {
		out = append(append(append(out, id), U(len(content))...), content...)
	}
	vector := func(id byte, entries [][]byte) {
		if len(entries) > 0 {
			section(id, append(U(len(entries)), bytes.Join(entries, nil)...))
		}
	}
	vector(1, m.types)
	vector(2, m.imports)
	vector(3, m.funcs)
	vector(4, m.tables)
	vector(5, m.memories)
	vector(7, m.exports)
	if m.start != nil {
		section(8, m.start)
	}
	vector(10, m.code)
	vector(11, m.data)
	for _, c := range m.customs {
		section(0, c)
	}
	return out
}

func (m *Module) typ(params, results string) int {
	entry := append(append([]byte{0x60}, valueTypes(params)...), valueTypes(results)...)
	for i, t := range m.types {
		if bytes.Equal(t, entry) {
			return i
		}
	}
	m.types = append(m.types, entry)
	return len(m.types) - 1
}

func valueTypes(s string) []byte {
	b := U(len(s))
	for _, c := range s {
		if c == 'l' {
			b = append(b, 0x7e)
		} else {
			b = append(b, 0x7f)
		}
	}
	return b
}

func limits(minimum, maximum int) []byte {
	if maximum == 0 {
		return append([]byte{0x00}, U(minimum)...)
	}
	return append(append([]byte{0x01}, U(minimum)...), U(maximum)...)
}

// Guest returns a module that is a plugin of the direct tier: it answers init
// with ok, and every other op with the body given, whose parameters are op and
// len and whose result is an i64. customize, if not nil, is called before the
// functions are added, and may add imports and more.
func Guest(customize func(*Module), body ...[]byte) *Module {
	m := &Module{}
	if customize != nil {
		customize(m)
	}
	if len(m.memories) == 0 {
		m.Memory(2, 0)
	}
	ok := abi.AppendMessage(nil, &abi.ActionList{Actions: []abi.Action{{Which: abi.ActionIsOK, OK: &abi.Ok{}}}})
	m.Data(16, ok)
	m.Export("patchbay_abi_1", m.Func("", "i", 0, I32(0)))
	m.Export("patchbay_buffer", m.Func("i", "i", 0, I32(1024)))
	initBody := append([]byte{0x20, 0x00}, I32(int(abi.OpInit))...) // local.get op, i32.const
	initBody = append(initBody, 0x46, 0x04, 0x40)                   // i32.eq, if
	initBody = append(append(initBody, I64(Packed(16, len(ok)))...), 0x0f, 0x0b)
	m.Export("patchbay_call", m.Func("ii", "l", 0, append([][]byte{initBody}, body...)...))
	return m
}

// Packed is a pointer and a length as patchbay_call returns them.
func Packed(ptr, size int) int64 { return int64(uint64(uint32(ptr))<<32 | uint64(uint32(size))) }

// OK is a body for Guest that answers ok.
func OK() []byte {
	ok := abi.AppendMessage(nil, &abi.ActionList{Actions: []abi.Action{{Which: abi.ActionIsOK, OK: &abi.Ok{}}}})
	return I64(Packed(16, len(ok)))
}

// Spin is an endless loop.
func Spin() []byte { return []byte{0x03, 0x40, 0x0c, 0x00, 0x0b} }

// Unreachable traps.
func Unreachable() []byte { return []byte{0x00} }

// Call calls a function.
func Call(function int) []byte { return append([]byte{0x10}, U(function)...) }

// Drop drops a value.
func Drop() []byte { return []byte{0x1a} }

// I32 is i32.const.
func I32(v int) []byte { return append([]byte{0x41}, s(int64(int32(v)))...) }

// I64 is i64.const.
func I64(v int64) []byte { return append([]byte{0x42}, s(v)...) }

// Name is a vector of the name's bytes.
func Name(name string) []byte { return append(U(len(name)), name...) }

// U is an unsigned LEB128.
func U(v int) []byte {
	var b []byte
	for u := uint64(v); ; {
		c := byte(u & 0x7f)
		if u >>= 7; u == 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func s(v int64) []byte {
	var b []byte
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}
