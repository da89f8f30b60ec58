package abi

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"
)

// JSONMessage is any message of the contract, by pointer, with its JSON form.
// It is apart from Message so that a guest of the direct tier does not carry
// the code of a form that it never uses.
type JSONMessage interface {
	Message
	appendJSON(b []byte) []byte
	parseJSON(r *jsonReader) error
}

// AppendJSON appends the proto3 JSON encoding of m to dst: lowerCamelCase
// keys, enums by name, 64-bit integers as strings, bytes as base64.
func AppendJSON(dst []byte, m JSONMessage) []byte { return m.appendJSON(dst) }

// DecodeJSON reads the proto3 JSON of a message. It is always strict: unknown
// and duplicate keys, enums by number, unknown enum names, text after the
// value and invalid UTF-8 are errors that match ErrMalformed.
func DecodeJSON(src []byte, m JSONMessage) error {
	r := &jsonReader{src: src}
	if err := m.parseJSON(r); err != nil {
		return err
	}
	r.space()
	if r.pos != len(r.src) {
		return r.bad("text after the value")
	}
	return nil
}

func appendJSONKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, key...)
	return append(b, '"', ':')
}

const hexDigits = "0123456789abcdef"

func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += n
			continue
		}
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, c)
		}
		i++
	}
	return append(b, '"')
}

func appendJSONBytes(b, v []byte) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, v)
	return append(b, '"')
}

func appendJSONBool(b []byte, v bool) []byte { return strconv.AppendBool(b, v) }

func appendJSONUint32(b []byte, v uint32) []byte { return strconv.AppendUint(b, uint64(v), 10) }

func appendJSONUint64(b []byte, v uint64) []byte {
	b = append(b, '"')
	b = strconv.AppendUint(b, v, 10)
	return append(b, '"')
}

func appendJSONInt64(b []byte, v int64) []byte {
	b = append(b, '"')
	b = strconv.AppendInt(b, v, 10)
	return append(b, '"')
}

// jsonReader is a strict, single-pass reader of the JSON of one message. It
// exists because encoding/json takes duplicate keys and broken UTF-8.
type jsonReader struct {
	src   []byte
	pos   int
	depth int
	// elements counts as decoder.elements does.
	elements int
}

func (r *jsonReader) bad(what string) error {
	return malformed("at byte " + strconv.Itoa(r.pos) + ": " + what)
}

func (r *jsonReader) once(seen *uint64, bit int, key string) error {
	if *seen&(1<<bit) != 0 {
		return r.twice(key)
	}
	*seen |= 1 << bit
	return nil
}

func (r *jsonReader) twice(key string) error {
	return r.bad("key " + strconv.Quote(key) + " occurs twice")
}

func (r *jsonReader) unknown(name, key string) error {
	return r.bad(name + " has no field " + strconv.Quote(key))
}

func (r *jsonReader) twoMembers(name string) error {
	return r.bad("oneof " + name + " has two members")
}

func (r *jsonReader) noMember(name string) error {
	return r.bad("oneof " + name + " has no member")
}

func (r *jsonReader) space() {
	for r.pos < len(r.src) {
		switch r.src[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

// peek returns the next byte that is not white space, 0 at the end.
func (r *jsonReader) peek() byte {
	r.space()
	if r.pos == len(r.src) {
		return 0
	}
	return r.src[r.pos]
}

func (r *jsonReader) eat(c byte) error {
	if r.peek() != c {
		return r.bad("expected " + strconv.QuoteRune(rune(c)))
	}
	r.pos++
	return nil
}

func (r *jsonReader) word(w string) bool {
	r.space()
	if len(r.src)-r.pos >= len(w) && string(r.src[r.pos:r.pos+len(w)]) == w {
		r.pos += len(w)
		return true
	}
	return false
}

// null eats a null and reports whether there was one.
func (r *jsonReader) null() bool { return r.word("null") }

func (r *jsonReader) object(name string, member func(key string) error) error {
	if r.depth++; r.depth > maxDepth {
		return r.bad(name + " nests deeper than " + strconv.Itoa(maxDepth) + " messages")
	}
	defer func() { r.depth-- }()
	if err := r.element(); err != nil {
		return err
	}
	if err := r.eat('{'); err != nil {
		return err
	}
	if r.peek() == '}' {
		r.pos++
		return nil
	}
	for {
		key, err := r.str()
		if err != nil {
			return err
		}
		if err := r.eat(':'); err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
		switch r.peek() {
		case ',':
			r.pos++
		case '}':
			r.pos++
			return nil
		default:
			return r.bad("expected ',' or '}'")
		}
	}
}

// element counts a message, or an element of a list of another type.
func (r *jsonReader) element() error {
	if r.elements++; r.elements > MaxElements {
		return r.bad(tooMany)
	}
	return nil
}

func (r *jsonReader) array(element func() error) error {
	if err := r.eat('['); err != nil {
		return err
	}
	if r.peek() == ']' {
		r.pos++
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		switch r.peek() {
		case ',':
			r.pos++
		case ']':
			r.pos++
			return nil
		default:
			return r.bad("expected ',' or ']'")
		}
	}
}

func (r *jsonReader) boolean() (bool, error) {
	if r.word("true") {
		return true, nil
	}
	if r.word("false") {
		return false, nil
	}
	return false, r.bad("expected true or false")
}

func (r *jsonReader) enum(names []string) (uint32, error) {
	s, err := r.str()
	if err != nil {
		return 0, err
	}
	for i := 1; i < len(names); i++ {
		if names[i] == s {
			return uint32(i), nil
		}
	}
	return 0, r.bad("unknown enum name " + strconv.Quote(s))
}

func (r *jsonReader) bytes() ([]byte, error) {
	s, err := r.str()
	if err != nil {
		return nil, err
	}
	v, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, r.bad("bytes are not base64")
	}
	return v, nil
}

// digits reads an integer written as a number or as a string.
func (r *jsonReader) digits() (string, error) {
	if r.peek() == '"' {
		return r.str()
	}
	start := r.pos
	for r.pos < len(r.src) && (r.src[r.pos] == '-' || r.src[r.pos] >= '0' && r.src[r.pos] <= '9') {
		r.pos++
	}
	return string(r.src[start:r.pos]), nil
}

func (r *jsonReader) uint(bits int) (uint64, error) {
	s, err := r.digits()
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseUint(s, 10, bits)
	if err != nil || len(s) > 1 && s[0] == '0' {
		return 0, r.bad("expected an unsigned " + strconv.Itoa(bits) + "-bit integer")
	}
	return v, nil
}

func (r *jsonReader) uint32() (uint32, error) {
	v, err := r.uint(32)
	return uint32(v), err
}

func (r *jsonReader) uint64() (uint64, error) { return r.uint(64) }

func (r *jsonReader) int64() (int64, error) {
	s, err := r.digits()
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || s[0] == '+' || len(s) > 1 && s[0] == '0' || len(s) > 1 && s[:2] == "-0" {
		return 0, r.bad("expected a 64-bit integer")
	}
	return v, nil
}
