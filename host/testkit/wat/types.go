package wat

import "slices"

var valueTypes = map[string]byte{"i32": 0x7f, "i64": 0x7e, "f32": 0x7d, "f64": 0x7c, "v128": 0x7b, "funcref": 0x70, "externref": 0x6f}

func valueType(n node) byte {
	t, ok := valueTypes[n.text]
	if n.kind != atom || !ok {
		fail(n.line, "unknown type %q", n.text+n.head())
	}
	return t
}

// signature reads (param ...) and (result ...) and returns the encoded
// function type, the parameters' names, "" for one without, and what is behind.
func signature(items []node) (encoded string, params []string, rest []node) {
	var in, out []byte
	for len(items) > 0 && items[0].head() == "param" {
		types := items[0].list[1:]
		if len(types) == 2 && types[0].isName() {
			in, params = append(in, valueType(types[1])), append(params, types[0].text)
		} else {
			for _, t := range types {
				in, params = append(in, valueType(t)), append(params, "")
			}
		}
		items = items[1:]
	}
	for len(items) > 0 && items[0].head() == "result" {
		for _, t := range items[0].list[1:] {
			out = append(out, valueType(t))
		}
		items = items[1:]
	}
	b := sized(sized([]byte{0x60}, string(in)), string(out))
	return string(b), params, items
}

// typeUse reads (type ...), parameters and results, and returns the type's
// index. A type that is only spelled out is added if it is not there.
func (a *assembler) typeUse(items []node) (index uint64, params []string, rest []node) {
	if len(items) > 0 && items[0].head() == "type" {
		index = a.typeSpace.index(one(items[0], items[0].list[1:]))
		_, params, rest = signature(items[1:])
		if len(params) == 0 && index < uint64(len(a.types)) {
			_, n := uvarint(a.types[index][1:])
			params = make([]string, n)
		}
		return index, params, rest
	}
	encoded, params, rest := signature(items)
	return uint64(a.typeIndex(encoded)), params, rest
}

// uvarint reads the number of a type's parameters, of which tests have few.
func uvarint(s string) (rest string, n int) {
	shift := 0
	for i := range len(s) {
		n |= int(s[i]&0x7f) << shift
		if shift += 7; s[i] < 0x80 {
			return s[i+1:], n
		}
	}
	return "", n
}

func (a *assembler) typeIndex(encoded string) int {
	if i := slices.Index(a.types, encoded); i >= 0 {
		return i
	}
	a.types = append(a.types, encoded)
	return len(a.types) - 1
}

// limits reads a minimum and a maximum, if there is one.
func limits(f node, items []node) []byte {
	switch len(items) {
	case 1:
		return unsigned([]byte{0}, count(items[0]))
	case 2:
		return unsigned(unsigned([]byte{1}, count(items[0])), count(items[1]))
	}
	fail(f.line, "want a minimum and perhaps a maximum")
	return nil
}

func tableType(f node, items []node) []byte {
	if len(items) < 2 {
		fail(f.line, "want the limits and the type of the table's elements")
	}
	last := len(items) - 1
	return append([]byte{valueType(items[last])}, limits(f, items[:last])...)
}

// globalType is a type, or (mut type).
func globalType(n node) []byte {
	if n.head() == "mut" {
		return []byte{valueType(one(n, n.list[1:])), 1}
	}
	return []byte{valueType(n), 0}
}
