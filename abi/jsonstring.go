package abi

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a JSON string. Lone surrogates and invalid UTF-8 are errors, so
// that the text a host checks is the text that it sends.
func (r *jsonReader) str() (string, error) {
	if err := r.eat('"'); err != nil {
		return "", err
	}
	start := r.pos
	for r.pos < len(r.src) {
		switch c := r.src[r.pos]; {
		case c == '"':
			s := string(r.src[start:r.pos])
			if !utf8.ValidString(s) {
				return "", r.bad("string is not UTF-8")
			}
			r.pos++
			return s, nil
		case c == '\\':
			return r.escaped(append([]byte(nil), r.src[start:r.pos]...))
		case c < 0x20:
			return "", r.bad("control character in a string")
		}
		r.pos++
	}
	return "", r.bad("string has no end")
}

// escaped goes on with a string whose first escape is at pos.
func (r *jsonReader) escaped(buf []byte) (string, error) {
	for r.pos < len(r.src) {
		c := r.src[r.pos]
		r.pos++
		switch {
		case c == '"':
			if !utf8.Valid(buf) {
				return "", r.bad("string is not UTF-8")
			}
			return string(buf), nil
		case c < 0x20:
			return "", r.bad("control character in a string")
		case c != '\\':
			buf = append(buf, c)
			continue
		}
		if r.pos == len(r.src) {
			break
		}
		e := r.src[r.pos]
		r.pos++
		switch e {
		case '"', '\\', '/':
			buf = append(buf, e)
		case 'b':
			buf = append(buf, '\b')
		case 'f':
			buf = append(buf, '\f')
		case 'n':
			buf = append(buf, '\n')
		case 'r':
			buf = append(buf, '\r')
		case 't':
			buf = append(buf, '\t')
		case 'u':
			v, err := r.unicodeEscape()
			if err != nil {
				return "", err
			}
			buf = utf8.AppendRune(buf, v)
		default:
			return "", r.bad("unknown escape " + strconv.QuoteRune(rune(e)))
		}
	}
	return "", r.bad("string has no end")
}

func (r *jsonReader) unicodeEscape() (rune, error) {
	v, err := r.hex4()
	if err != nil {
		return 0, err
	}
	if !utf16.IsSurrogate(v) {
		return v, nil
	}
	if !r.low() {
		return 0, r.bad("lone surrogate")
	}
	w, err := r.hex4()
	if err != nil {
		return 0, err
	}
	if v = utf16.DecodeRune(v, w); v == utf8.RuneError {
		return 0, r.bad("lone surrogate")
	}
	return v, nil
}

func (r *jsonReader) low() bool {
	if len(r.src)-r.pos >= 2 && r.src[r.pos] == '\\' && r.src[r.pos+1] == 'u' {
		r.pos += 2
		return true
	}
	return false
}

func (r *jsonReader) hex4() (rune, error) {
	if len(r.src)-r.pos < 4 {
		return 0, r.bad("short \\u escape")
	}
	var v rune
	for _, c := range r.src[r.pos : r.pos+4] {
		v <<= 4
		switch {
		case c >= '0' && c <= '9':
			v |= rune(c - '0')
		case c >= 'a' && c <= 'f':
			v |= rune(c-'a') + 10
		case c >= 'A' && c <= 'F':
			v |= rune(c-'A') + 10
		default:
			return 0, r.bad("bad \\u escape")
		}
	}
	r.pos += 4
	return v, nil
}
