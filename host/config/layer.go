package config

import (
	"slices"
	"strings"
)

// layer is one of the sources: the file, the environment or the flags.
type layer struct {
	// file is what Error.File says.
	file string
	// values are nested maps, as the schema wants them.
	values map[string]any
	// places are where keys and list items stand, by place key; empty when the
	// source has no lines.
	places map[string]place
	// names are what the source calls a key, by place key, when it is not the
	// dotted path.
	names map[string]string
}

// place begins with line 1, column 1.
type place struct{ line, column int }

func placeKey(path []string) string { return strings.Join(path, "\x00") }

// fail makes an error about a key, at its line or that of what it stands in.
func (l *layer) fail(path []string, msg string) *Error {
	e := &Error{File: l.file, Key: l.name(path), Msg: msg}
	for n := len(path); n >= 0; n-- {
		if p, ok := l.places[placeKey(path[:n])]; ok {
			e.Line, e.Column = p.line, p.column
			break
		}
	}
	return e
}

// name is what the source calls a key.
func (l *layer) name(path []string) string {
	if name, ok := l.names[placeKey(path)]; ok {
		return name
	}
	return dotted(path)
}

// has reports whether the layer sets the key.
func (l *layer) has(path []string) bool {
	var v any = l.values
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return false
		}
		if v, ok = m[key]; !ok {
			return false
		}
	}
	return true
}

// layers are in the order of precedence, the strongest last.
type layers []*layer

// fail makes an error about a key of the merged result, in the layer that set
// it. A list item belongs to the file.
func (ls layers) fail(path []string, msg string) *Error {
	for _, l := range slices.Backward(ls) {
		if l.has(path) {
			return l.fail(path, l.name(path)+" "+msg)
		}
	}
	return ls[0].fail(path, dotted(path)+" "+msg)
}
