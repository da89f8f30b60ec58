package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// documentDepth bounds the nesting of the file.
const documentDepth = 64

// parse makes a layer of the bytes of a file. It takes the plain part of YAML:
// maps with text keys, lists, and scalars of the core schema; no aliases, no
// merge keys, no tags of one's own, one document.
func parse(file string, data []byte) (*layer, []*Error) {
	l := &layer{file: file, values: map[string]any{}, places: map[string]place{}}
	if e := checkBytes(file, data); e != nil {
		return l, []*Error{e}
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return l, nil // nothing but comments
	} else if err != nil {
		return l, []*Error{syntaxError(file, data, err)}
	}
	var second yaml.Node
	if err := dec.Decode(&second); err == nil {
		return l, []*Error{{File: file, Line: max(second.Line, 1), Column: second.Column, Msg: "a second document begins; the file must hold one"}}
	} else if !errors.Is(err, io.EOF) {
		return l, []*Error{syntaxError(file, data, err)}
	}
	root := doc.Content[0]
	r := reader{layer: l}
	if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
		return l, nil
	}
	if root.Kind != yaml.MappingNode {
		r.fail(root, nil, "the file must be a map of keys, such as listen: 127.0.0.1:8484")
		return l, r.errs
	}
	if values, ok := r.read(root, nil, compiled().root).(map[string]any); ok {
		l.values = values
	}
	return l, r.errs
}

// checkBytes refuses what is not plain UTF-8.
func checkBytes(file string, data []byte) *Error {
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(data, []byte(mark)) {
			return &Error{File: file, Line: 1, Column: 1, Msg: "the file begins with a byte order mark; save it as UTF-8 without one"}
		}
	}
	for at := 0; at < len(data); {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size <= 1 {
			line := 1 + bytes.Count(data[:at], []byte("\n"))
			return &Error{File: file, Line: line, Column: at - bytes.LastIndexByte(data[:at], '\n'), Msg: "the file is not valid UTF-8"}
		}
		at += size
	}
	return nil
}

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)

// syntaxError says where a document is not YAML. A tab in the indentation is
// looked for first, since the parser's own words for it do not help.
func syntaxError(file string, data []byte, err error) *Error {
	e := &Error{File: file, Line: 1, Msg: "it is not valid YAML"}
	if m := yamlError.FindStringSubmatch(err.Error()); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			e.Line = n
		}
		if !strings.ContainsAny(m[2], "\n'\"`") || strings.HasPrefix(m[2], "did not find") || strings.HasPrefix(m[2], "could not find") {
			e.Msg += ": " + m[2]
		}
	}
	for i, line := range strings.Split(string(data), "\n") {
		if i > e.Line {
			break
		}
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if at := strings.IndexByte(indent, '\t'); at >= 0 {
			e.Line, e.Column, e.Msg = i+1, at+1, "a tab stands in the indentation; YAML wants spaces"
			return e
		}
	}
	return e
}

// reader turns nodes into values and notes where they stand.
type reader struct {
	layer *layer
	errs  []*Error
}

func (r *reader) fail(n *yaml.Node, path []string, msg string) {
	r.errs = append(r.errs, &Error{File: r.layer.file, Line: n.Line, Column: n.Column, Key: dotted(path), Msg: msg})
}

// read returns the value of a node; what it refuses is nil with an error.
func (r *reader) read(n *yaml.Node, path []string, schema *node) any {
	if _, ok := r.layer.places[placeKey(path)]; !ok {
		r.layer.places[placeKey(path)] = place{n.Line, n.Column}
	}
	if len(path) > documentDepth {
		r.fail(n, path, fmt.Sprintf("the file is nested deeper than %d", documentDepth))
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		return r.readMap(n, path, schema)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			index := strconv.Itoa(i)
			list[i] = r.read(item, below(path, index), schema.child(index))
		}
		return list
	case yaml.ScalarNode:
		return r.readScalar(n, path)
	}
	r.fail(n, path, "aliases (*name) are not supported; write the value out")
	return nil
}

func (r *reader) readMap(n *yaml.Node, path []string, schema *node) any {
	values := make(map[string]any, len(n.Content)/2)
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode || k.ShortTag() == "!!merge" {
			r.fail(k, path, "a key must be plain text; merge keys (<<) are not supported")
			continue
		}
		key := k.Value
		at := below(path, key)
		if line, twice := first[key]; twice {
			r.fail(k, at, fmt.Sprintf("the key %q is set twice, first on line %d", key, line))
			continue
		}
		first[key] = k.Line
		r.layer.places[placeKey(at)] = place{k.Line, k.Column}
		child := schema.child(key)
		value := r.read(v, at, child)
		if value == nil && child != nil && (child.Type == "object" || child.Type == "array") && isNull(v) {
			continue // a heading whose keys are all commented out
		}
		values[key] = value
	}
	return values
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func (r *reader) readScalar(n *yaml.Node, path []string) any {
	switch tag := n.ShortTag(); tag {
	case "!!str", "!!timestamp": // a date is text here
		return n.Value
	case "!!null":
		return nil
	case "!!bool", "!!int", "!!float":
		var v any
		if err := n.Decode(&v); err != nil { // its text quotes the value
			r.fail(n, path, dotted(path)+" is not a number, or true or false, as its tag says")
			return nil
		}
		if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
			r.fail(n, path, dotted(path)+" must be a finite number")
			return nil
		}
		return v
	}
	r.fail(n, path, "tags (!name) are not supported")
	return nil
}

// below returns a new path with one more key.
func below(path []string, key string) []string { return append(path[:len(path):len(path)], key) }
