package jsonspan

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Is reports whether v is a string whose text is s.
func (v Value) Is(s string) bool {
	raw, ok := v.inner()
	if !ok {
		return false
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw) == s
	}
	var short [64]byte
	return string(appendUnquoted(short[:0], raw)) == s
}

// Text returns the text of a string, "" when v is none. What is not UTF-8, and
// half of a surrogate pair, becomes U+FFFD, as encoding/json has it.
func (v Value) Text() string {
	raw, ok := v.inner()
	if !ok {
		return ""
	}
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw)
	}
	return string(appendUnquoted(make([]byte, 0, len(raw)), raw))
}

// AppendText appends the text of a string, as Text returns it, to dst. It
// appends nothing when v is no string.
func (v Value) AppendText(dst []byte) []byte {
	raw, ok := v.inner()
	if !ok {
		return dst
	}
	return appendUnquoted(dst, raw)
}

func (v Value) inner() ([]byte, bool) {
	if len(v) < 2 || v[0] != '"' || v[len(v)-1] != '"' {
		return nil, false
	}
	return v[1 : len(v)-1], true
}

func appendUnquoted(dst, raw []byte) []byte {
	for len(raw) > 0 {
		switch c := raw[0]; {
		case c == '\\':
			dst, raw = appendEscape(dst, raw)
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			raw = raw[1:]
		default:
			r, n := utf8.DecodeRune(raw)
			dst = utf8.AppendRune(dst, r)
			raw = raw[n:]
		}
	}
	return dst
}

// appendEscape decodes the escape that raw begins with and returns what is
// left. An escape that JSON does not have becomes U+FFFD.
func appendEscape(dst, raw []byte) (out, rest []byte) {
	if len(raw) < 2 {
		return utf8.AppendRune(dst, utf8.RuneError), nil
	}
	switch raw[1] {
	case '"', '\\', '/':
		return append(dst, raw[1]), raw[2:]
	case 'b':
		return append(dst, '\b'), raw[2:]
	case 'f':
		return append(dst, '\f'), raw[2:]
	case 'n':
		return append(dst, '\n'), raw[2:]
	case 'r':
		return append(dst, '\r'), raw[2:]
	case 't':
		return append(dst, '\t'), raw[2:]
	case 'u':
		r, ok := hexRune(raw)
		if !ok {
			break
		}
		raw = raw[6:]
		if utf16.IsSurrogate(r) {
			low, _ := hexRune(raw)
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				raw = raw[6:]
			}
		}
		return utf8.AppendRune(dst, r), raw
	}
	return utf8.AppendRune(dst, utf8.RuneError), raw[2:]
}

// hexRune reads \uXXXX.
func hexRune(raw []byte) (rune, bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range raw[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

const hexDigits = "0123456789abcdef"

// AppendString appends s to dst as a JSON string, quotes included. What is not
// UTF-8 becomes U+FFFD.
func AppendString[S ~string | ~[]byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := decodeRune(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(dst, s[start:i]...)
				dst = utf8.AppendRune(dst, utf8.RuneError)
				start = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func decodeRune[S ~string | ~[]byte](s S) (rune, int) {
	// A conversion of at most four bytes stays on the stack.
	return utf8.DecodeRuneInString(string(s[:min(len(s), utf8.UTFMax)]))
}
