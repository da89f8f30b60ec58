package wat

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// node is an atom, a string or a list, with the line that it stands in.
type node struct {
	kind nodeKind
	text string // of an atom or string; a string is unescaped
	list []node
	line int
}

type nodeKind uint8

const (
	atom nodeKind = iota
	str
	list
)

// head is the first word of a list, or empty.
func (n node) head() string {
	if n.kind == list && len(n.list) > 0 && n.list[0].kind == atom {
		return n.list[0].text
	}
	return ""
}

// isName says whether a node is an identifier, such as $f.
func (n node) isName() bool { return n.kind == atom && len(n.text) > 1 && n.text[0] == '$' }

type lexer struct {
	src       string
	pos, line int
}

// Error says what is wrong in which line.
type Error struct {
	Line int
	What string
}

// Error names the line.
func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.What) }

func fail(line int, format string, args ...any) {
	panic(&Error{line, fmt.Sprintf(format, args...)})
}

// space skips blanks and comments.
func (l *lexer) space() {
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == '\n':
			l.line++
			l.pos++
		case c == ' ' || c == '\t' || c == '\r':
			l.pos++
		case l.at(";;"):
			for l.pos < len(l.src) && l.src[l.pos] != '\n' {
				l.pos++
			}
		case l.at("(;"):
			l.comment()
		default:
			return
		}
	}
}

func (l *lexer) at(s string) bool {
	return len(l.src)-l.pos >= len(s) && l.src[l.pos:l.pos+len(s)] == s
}

// comment skips a block comment, in which others may nest.
func (l *lexer) comment() {
	start, depth := l.line, 0
	for l.pos < len(l.src) {
		switch {
		case l.at("(;"):
			depth++
			l.pos += 2
		case l.at(";)"):
			l.pos += 2
			if depth--; depth == 0 {
				return
			}
		default:
			if l.src[l.pos] == '\n' {
				l.line++
			}
			l.pos++
		}
	}
	fail(start, "a comment without its end")
}

// next reads one node; ok is false at the end of the text or of a list.
func (l *lexer) next() (n node, ok bool) {
	l.space()
	if l.pos == len(l.src) || l.src[l.pos] == ')' {
		return node{}, false
	}
	n.line = l.line
	switch l.src[l.pos] {
	case '(':
		n.kind = list
		l.pos++
		for {
			child, ok := l.next()
			if !ok {
				break
			}
			n.list = append(n.list, child)
		}
		if l.pos == len(l.src) {
			fail(n.line, "a list without its end")
		}
		l.pos++
	case '"':
		n.kind, n.text = str, l.str()
	default:
		start := l.pos
		for l.pos < len(l.src) && isAtom(l.src[l.pos]) {
			l.pos++
		}
		if n.text = l.src[start:l.pos]; n.text == "" {
			fail(l.line, "unexpected %q", l.src[l.pos])
		}
	}
	return n, true
}

func isAtom(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', '(', ')', '"', ';':
		return false
	}
	return c > 0x20 && c < 0x7f
}

// str reads a string and what its escapes stand for.
func (l *lexer) str() string {
	var out []byte
	for l.pos++; l.pos < len(l.src); {
		c := l.src[l.pos]
		l.pos++
		switch c {
		case '"':
			return string(out)
		case '\n':
			fail(l.line, "a string without its end")
		case '\\':
			out = l.escape(out)
		default:
			out = append(out, c)
		}
	}
	fail(l.line, "a string without its end")
	return ""
}

var escapes = map[byte]byte{'t': '\t', 'n': '\n', 'r': '\r', '"': '"', '\'': '\'', '\\': '\\'}

// escape reads what follows a backslash: a letter, two hexadecimal digits, or
// u and a code point in braces.
func (l *lexer) escape(out []byte) []byte {
	rest := l.src[l.pos:]
	if rest == "" {
		fail(l.line, "a string without its end")
	}
	if c, ok := escapes[rest[0]]; ok {
		l.pos++
		return append(out, c)
	}
	if rest[0] == 'u' && len(rest) > 2 && rest[1] == '{' {
		for i := 2; i < len(rest); i++ {
			if rest[i] != '}' {
				continue
			}
			r, err := strconv.ParseUint(rest[2:i], 16, 32)
			if err != nil || !utf8.ValidRune(rune(r)) {
				break
			}
			l.pos += i + 1
			return utf8.AppendRune(out, rune(r))
		}
	}
	if len(rest) >= 2 {
		if b, err := strconv.ParseUint(rest[:2], 16, 8); err == nil {
			l.pos += 2
			return append(out, byte(b))
		}
	}
	fail(l.line, "unknown escape %.4q in a string", rest)
	return nil
}
