package driver

import (
	"strings"
	"unicode/utf8"
)

// text is what secrets are looked for in.
type text interface{ ~string | ~[]byte }

// find returns where a secret stands in p, from a place on, in any spelling that
// escapes single characters: of JSON, of URLs and of HTML, with digits in either
// case, each also escaped again. The spelling ends at end. When torn, a secret
// that p ends in the middle of is found too. Start is -1 when there is none.
func find[T text](p T, from int, secret []rune, torn bool) (start, end int) {
	for at := from; at < len(p); at++ {
		if c := p[at]; rune(c) != secret[0] && c != '\\' && c != '%' && c != '&' && c < utf8.RuneSelf {
			continue
		}
		if n, matched := spelled(p[at:], secret); matched >= min(len(secret), wholeEnough) || torn && at+n == len(p) && matched >= minTorn {
			return at, at + n
		}
	}
	return -1, -1
}

// wholeEnough is how many characters of a long secret have to match; the others
// go as far as they match. It bounds the work for a text that nearly is one at
// every place.
const wholeEnough = 64

// minTorn is how many characters of a secret are its beginning, and no accident.
const minTorn = 4

// spelled returns how many of the secret's characters p begins with, and how
// many bytes they take. What is cut in the middle of an escape counts as taken.
func spelled[T text](p T, secret []rune) (n, matched int) {
	for _, r := range secret {
		took := character(p[n:], r)
		if took == 0 {
			if rest := len(p) - n; rest > 0 && rest < maxEscape && (p[n] == '\\' || p[n] == '%' || p[n] == '&') && n > 0 {
				return len(p), matched
			}
			return n, matched
		}
		n += took
		matched++
	}
	return n, matched
}

// maxEscape is the length of the longest usual escape, in bytes: \\\\u0026.
const maxEscape = 9

// character returns how many bytes of p spell r, 0 when it begins with another.
func character[T text](p T, r rune) int {
	if len(p) == 0 {
		return 0
	}
	switch c := p[0]; {
	case c == '\\':
		return backslashed(p, r)
	case c == '%':
		if n := percent(p, r); n > 0 {
			return n
		}
	case c == '&':
		if n := entity(p, r); n > 0 {
			return n
		}
	case c == '+' && r == ' ':
		return 1
	}
	if r < utf8.RuneSelf {
		if rune(p[0]) == r {
			return 1
		}
		return 0
	}
	var raw [utf8.UTFMax]byte
	n := utf8.EncodeRune(raw[:], r)
	if len(p) < n || string(p[:n]) != string(raw[:n]) {
		return 0
	}
	return n
}

// maxBackslashes stand before a character that JSON escaped three times. More
// are text: nobody is to spend time on counting them.
const maxBackslashes = 8

// backslashed reads an escape of JSON behind one backslash or more.
func backslashed[T text](p T, r rune) int {
	n := 1
	for n < len(p) && n <= maxBackslashes && p[n] == '\\' {
		n++
	}
	if n > maxBackslashes {
		return 0
	}
	if r == '\\' && !(n+5 <= len(p) && p[n] == 'u' && hexOf(p[n+1:n+5]) == r) {
		return n
	}
	if n == len(p) {
		return 0
	}
	switch c := p[n]; {
	case c == 'u' && n+5 <= len(p) && hexOf(p[n+1:n+5]) == r:
		return n + 5
	case c < utf8.RuneSelf && rune(c) == r && strings.IndexByte(`"'/`, c) >= 0:
		return n + 1
	case r < ' ':
		if at := strings.IndexByte("btnfr", c); at >= 0 && rune("\b\t\n\f\r"[at]) == r {
			return n + 1
		}
	}
	return 0
}

// percent reads the bytes of r as URLs write them; %25 in front of the digits
// is one that was escaped again.
func percent[T text](p T, r rune) int {
	var raw [utf8.UTFMax]byte
	n := 0
	for _, b := range raw[:utf8.EncodeRune(raw[:], r)] {
		if n >= len(p) || p[n] != '%' {
			return 0
		}
		n++
		again := 0
		for n+2 <= len(p) && again < maxBackslashes && p[n] == '2' && p[n+1] == '5' {
			n += 2
			again++
		}
		if b == '%' && again > 0 {
			continue
		}
		if n+2 > len(p) || hexOf(p[n:n+2]) != rune(b) {
			return 0
		}
		n += 2
	}
	return n
}

var entities = map[rune][]string{
	'&': {"&amp;", "&#38;"}, '<': {"&lt;", "&#60;"}, '>': {"&gt;", "&#62;"},
	'"': {"&quot;", "&#34;"}, '\'': {"&apos;", "&#39;", "&#x27;"}, '+': {"&#43;"},
}

func entity[T text](p T, r rune) int {
	for _, e := range entities[r] {
		if len(p) >= len(e) && string(p[:len(e)]) == e {
			return len(e)
		}
	}
	return 0
}

// hexOf reads digits, -1 when one is none.
func hexOf[T text](p T) (v rune) {
	for i := range len(p) {
		switch c := p[i]; {
		case c >= '0' && c <= '9':
			v = v<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = v<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return v
}
