package jsonspan

import (
	"bytes"
	"iter"
	"strconv"
)

// Value is the text of one JSON value, without white space around it. It
// aliases the text it was found in. The zero Value is absent: what every
// look-up that finds nothing returns, and on which every method is safe.
type Value []byte

// Kind is what a value is.
type Kind uint8

// The kinds. Absent is the zero value.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// Get returns the value at path in doc. Each element of path is the name of an
// object's member or, in an array, an index in decimal digits. An empty path
// returns doc without the white space around it.
func Get(doc []byte, path ...string) Value {
	v := Value(doc[skipSpace(doc, 0):])
	if len(path) == 0 {
		return v[:skipValue(v, 0)]
	}
	// The members of v are found from its start: where v ends need not be known.
	return v.Get(path...)
}

// Get returns the value at path in v; see the function Get.
func (v Value) Get(path ...string) Value {
	for _, name := range path {
		switch v.Kind() {
		case Object:
			v = v.member(name)
		case Array:
			v = v.element(name)
		default:
			return nil
		}
	}
	return v
}

// Kind tells by the first byte what v is.
func (v Value) Kind() Kind {
	if len(v) == 0 {
		return Absent
	}
	switch c := v[0]; {
	case c == '{':
		return Object
	case c == '[':
		return Array
	case c == '"':
		return String
	case c == 't' || c == 'f':
		return Bool
	case c == 'n':
		return Null
	case c == '-' || c >= '0' && c <= '9':
		return Number
	}
	return Absent
}

// Exists reports whether the value is there. A null is there.
func (v Value) Exists() bool { return len(v) > 0 }

// Bool reports whether v is true.
func (v Value) Bool() bool { return string(v) == "true" }

// Int returns v as an integer: a number's fraction is cut off. It is 0 when v
// is no number or is out of range.
func (v Value) Int() int64 {
	if v.Kind() != Number {
		return 0
	}
	if n, ok := smallInt(v); ok {
		return n
	}
	if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || f <= -1<<63 || f >= 1<<63 {
		return 0
	}
	return int64(f)
}

// Float returns v as a floating point number, 0 when v is no number.
func (v Value) Float() float64 {
	if v.Kind() != Number {
		return 0
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil {
		return 0
	}
	return f
}

// Items iterates over an array. Over anything else it yields nothing.
func (v Value) Items() iter.Seq[Value] {
	return func(yield func(Value) bool) { v.eachItem(yield) }
}

// Members iterates over an object: the names as JSON strings, which Is and
// Text read, and the values. Over anything else it yields nothing.
func (v Value) Members() iter.Seq2[Value, Value] {
	return func(yield func(Value, Value) bool) { v.eachMember(yield) }
}

// The loops are apart from the iterators so that these are inlined and a range
// over them allocates nothing.
func (v Value) eachItem(yield func(Value) bool) {
	if v.Kind() != Array {
		return
	}
	for i := 1; ; {
		i = skipSpace(v, i)
		end := skipValue(v, i)
		if end == i || !yield(v[i:end:end]) {
			return
		}
		if i = skipSpace(v, end); i >= len(v) || v[i] != ',' {
			return
		}
		i++
	}
}

func (v Value) eachMember(yield func(name, value Value) bool) {
	if v.Kind() != Object {
		return
	}
	for i := 1; ; {
		name, value, next := nextMember(v, i)
		if next < 0 || !yield(name, value) || next >= len(v) || v[next] != ',' {
			return
		}
		i = next + 1
	}
}

func (v Value) member(name string) Value {
	for i := 1; ; {
		key, value, next := nextMember(v, i)
		if next < 0 {
			return nil
		}
		if key.Is(name) {
			return value
		}
		if next >= len(v) || v[next] != ',' {
			return nil
		}
		i = next + 1
	}
}

func (v Value) element(index string) Value {
	n, err := strconv.Atoi(index)
	if err != nil || n < 0 {
		return nil
	}
	for item := range v.Items() {
		if n == 0 {
			return item
		}
		n--
	}
	return nil
}

// nextMember reads a member that begins at i or after white space there. Next
// is the place of the comma or brace behind it, or -1 when there is no member.
func nextMember(v Value, i int) (name, value Value, next int) {
	i = skipSpace(v, i)
	if i >= len(v) || v[i] != '"' {
		return nil, nil, -1
	}
	end := skipString(v, i)
	name = v[i:end:end]
	if i = skipSpace(v, end); i >= len(v) || v[i] != ':' {
		return nil, nil, -1
	}
	i = skipSpace(v, i+1)
	end = skipValue(v, i)
	if end == i {
		return nil, nil, -1
	}
	return name, v[i:end:end], skipSpace(v, end)
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns where the value that begins at i ends; i itself when no
// value begins there or the text ends within it.
func skipValue(b []byte, i int) int {
	if i >= len(b) {
		return i
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	end := i
	for end < len(b) && isScalar[b[end]] {
		end++
	}
	return end
}

// skipNested is a loop and not a recursion, so that no depth of nesting costs
// stack.
func skipNested(b []byte, start int) int {
	depth := 0
	for i := start; i < len(b); {
		switch b[i] {
		case '"':
			end := skipString(b, i)
			if end == i {
				return start
			}
			i = end
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return start
}

// skipString returns where the string that begins at i ends, i itself when it
// does not end. IndexByte is native code also in a guest, where a loop of ours
// costs ten times as much.
func skipString(b []byte, i int) int {
	for from := i + 1; ; {
		n := bytes.IndexByte(b[from:], '"')
		if n < 0 {
			return i
		}
		quote := from + n
		slash := quote
		for slash > from && b[slash-1] == '\\' {
			slash--
		}
		if (quote-slash)%2 == 0 {
			return quote + 1
		}
		from = quote + 1
	}
}

// isScalar marks the bytes of numbers and of the words true, false and null.
var isScalar = func() (t [256]bool) {
	for _, c := range []byte("+-.0123456789Eaeflnrstu") {
		t[c] = true
	}
	return t
}()

// smallInt reads an integer of at most 18 digits without an allocation.
func smallInt(v Value) (int64, bool) {
	digits := v
	if digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if v[0] == '-' {
		n = -n
	}
	return n, true
}
