package config

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// reference is how a value of the environment is named in the file.
const reference = "${env:"

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expander replaces references in the file's credentials, and notes secrets
// that stand there in the clear.
type expander struct {
	layer *layer
	env   map[string]string
	errs  []*Error
	// clear are the keys of secrets that were written out.
	clear []string
}

// expand replaces every reference in l, in place. What a reference stood for is
// not looked at again, so a value may hold anything.
func expand(l *layer, environ []string) ([]string, []*Error) {
	x := &expander{layer: l, env: map[string]string{}}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			x.env[name] = value
		}
	}
	for _, key := range slices.Sorted(maps.Keys(l.values)) {
		l.values[key] = x.walk(l.values[key], []string{key})
	}
	return x.clear, x.errs
}

func (x *expander) walk(v any, path []string) any {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			v[key] = x.walk(v[key], below(path, key))
		}
	case []any:
		for i := range v {
			v[i] = x.walk(v[i], below(path, strconv.Itoa(i)))
		}
	case string:
		return x.text(v, path)
	}
	return v
}

func (x *expander) text(text string, path []string) string {
	here := len(path) == 4 && path[0] == "credentials"
	proxy := len(path) == 3 && path[0] == "credentials" && path[2] == "proxy_url" // it may hold a password
	if !strings.Contains(text, reference) {
		if here && path[2] == "secrets" && text != "" || proxy && hasPassword(text) {
			x.clear = append(x.clear, dotted(path))
		}
		return text
	}
	if !proxy && (!here || path[2] != "secrets" && path[2] != "set") {
		x.fail(path, "holds "+reference+"…}, which works only in the set, secrets and proxy_url of a credential")
		return text
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, reference)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, rest, closed := strings.Cut(after, "}")
		if !closed || !variableName.MatchString(name) {
			x.fail(path, "holds a reference that is not of the form ${env:NAME}")
			return ""
		}
		b.WriteString(x.value(name, path))
		text = rest
	}
}

// value returns the variable. Its text must be one line: a stray line break at
// the end of a secret is the most common reason for a key that does not work.
func (x *expander) value(name string, path []string) string {
	value, set := x.env[name]
	switch {
	case !set:
		x.fail(path, "names the environment variable "+name+", which is not set")
	case value == "":
		x.fail(path, "names the environment variable "+name+", which is empty")
	case strings.Contains(value, "\x00"):
		x.fail(path, "names the environment variable "+name+", whose value holds a zero byte")
	case strings.ContainsAny(value, "\r\n"):
		x.fail(path, "names the environment variable "+name+", whose value holds a line break")
	}
	return value
}

func (x *expander) fail(path []string, msg string) {
	x.errs = append(x.errs, x.layer.fail(path, dotted(path)+" "+msg))
}
