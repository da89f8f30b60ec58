package auth

import "strings"

// CanonicalModel returns name without its thinking suffix: m for m(high). It
// is the key of states, cursors and registries. spec: core.md 7.3.
func CanonicalModel(name string) string {
	base, _, _ := cutSuffix(name)
	return base
}

// Suffix returns the thinking suffix of name without its parentheses, and
// whether there is one; "m()" has an empty one.
func Suffix(name string) (suffix string, ok bool) {
	_, suffix, ok = cutSuffix(name)
	return suffix, ok
}

func cutSuffix(name string) (base, suffix string, ok bool) {
	if !strings.HasSuffix(name, ")") {
		return name, "", false
	}
	open := strings.LastIndexByte(name, '(')
	if open < 0 {
		return name, "", false
	}
	return name[:open], name[open+1 : len(name)-1], true
}
