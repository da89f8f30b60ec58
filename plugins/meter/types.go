package meter

import (
	"bytes"
	"strings"
)

// funcType is one entry of the type section: value types, not copied.
type funcType struct{ params, results []byte }

// Value types, 5.3.
const (
	typeI32       = 0x7f
	typeI64       = 0x7e
	typeF32       = 0x7d
	typeF64       = 0x7c
	typeV128      = 0x7b
	typeFuncref   = 0x70
	typeExternref = 0x6f
)

var typeNames = map[byte]string{typeI32: "i32", typeI64: "i64", typeF32: "f32", typeF64: "f64",
	typeV128: "v128", typeFuncref: "funcref", typeExternref: "externref"}

func isRef(t byte) bool { return t == typeFuncref || t == typeExternref }

func isValue(t byte) bool { return t >= typeV128 && t <= typeI32 || isRef(t) }

func (r *reader) valueType() byte {
	t := r.byte()
	if r.err == nil && !isValue(t) {
		r.invalid(r.pos-1, "unknown value type %#x", t)
	}
	return t
}

func (r *reader) refType() byte {
	t := r.byte()
	if r.err == nil && !isRef(t) {
		r.invalid(r.pos-1, "unknown reference type %#x", t)
	}
	return t
}

// String gives the signature as [Import] documents it.
func (t funcType) String() string {
	s := "(" + list(t.params) + ")"
	switch len(t.results) {
	case 0:
		return s
	case 1:
		return s + " -> " + list(t.results)
	}
	return s + " -> (" + list(t.results) + ")"
}

func list(types []byte) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = typeNames[t]
	}
	return strings.Join(names, ", ")
}

func (w *rewriter) typeSection(r *reader) {
	n := w.vector(r, secType, "types", 3, MaxTypes)
	w.types = make([]funcType, 0, n)
	start := r.pos
	for range n {
		if form := r.byte(); r.err == nil && form != 0x60 {
			r.invalid(r.pos-1, "form %#x; only function types (0x60) are supported, not those of the GC proposal", form)
		}
		params := w.valueTypes(r)
		results := w.valueTypes(r)
		if r.err != nil {
			return
		}
		w.types = append(w.types, funcType{params, results})
	}
	extra, encoded := w.addTypes()
	out := appendU32(nil, uint32(n+extra))
	out = append(out, w.wasm[start:r.pos]...)
	w.out[secType] = append(out, encoded...)
}

// valueTypes reads a vector of value types.
func (w *rewriter) valueTypes(r *reader) []byte {
	n := r.count("value types", 1, MaxParams)
	start := r.pos
	for range n {
		r.valueType()
	}
	if r.err != nil {
		return nil
	}
	return w.wasm[start:r.pos:r.pos]
}

// addTypes finds the types that the added functions need, or appends them.
func (w *rewriter) addTypes() (n int, encoded []byte) {
	want := func(t funcType) uint32 {
		for i, have := range w.types {
			if bytes.Equal(have.params, t.params) && bytes.Equal(have.results, t.results) {
				return uint32(i)
			}
		}
		i := len(w.types) + n
		n++
		encoded = append(encoded, 0x60, byte(len(t.params)))
		encoded = append(append(encoded, t.params...), byte(len(t.results)))
		encoded = append(encoded, t.results...)
		return uint32(i)
	}
	w.added.yieldType = want(funcType{nil, []byte{typeI64}})
	w.added.plainType = want(funcType{})
	w.added.lengthType = want(funcType{[]byte{typeI32}, []byte{typeI32}})
	w.added.moveType = want(funcType{[]byte{typeI32, typeI32, typeI32}, nil})
	return n, encoded
}
