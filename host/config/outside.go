package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
)

const (
	envPrefix = "PATCHBAY_"
	envLevel  = "__"
)

// outsideVariables say where the key of the store is, and are no settings: the
// store reads them itself, so that a key never stands in a configuration.
var outsideVariables = []string{"PATCHBAY_STORE_KEY", "PATCHBAY_STORE_KEY_FILE"}

// readEnvironment makes a layer of the PATCHBAY_ variables.
func readEnvironment(environ []string) (*layer, []*Error) {
	l := &layer{file: fromEnvironment, names: map[string]string{}}
	var errs []*Error
	provider := env.Provider(".", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, text string) (string, any) {
			if slices.Contains(outsideVariables, name) {
				return "", nil
			}
			path, e := variablePath(name)
			if e != nil {
				errs = append(errs, e)
				return "", nil
			}
			l.names[placeKey(path)] = name
			return strings.Join(path, "."), typed(compiled().root.at(path), text)
		},
	})
	values, err := provider.Read()
	if err != nil {
		errs = append(errs, &Error{File: fromEnvironment, Msg: "cannot be read", Err: err})
	}
	l.values = values
	return l, errs
}

// variablePath returns the key that a variable sets.
func variablePath(name string) ([]string, *Error) {
	path := strings.Split(strings.ToLower(strings.TrimPrefix(name, envPrefix)), envLevel)
	e := &Error{File: fromEnvironment, Key: name}
	switch {
	case path[0] == "credentials":
		e.Msg = name + ": credentials cannot be set by the environment; write them in the file, with ${env:NAME} for secrets"
		return nil, e
	case len(path) > 1 && path[0] == "plugins" && path[1] == "config":
		e.Msg = name + ": the plugins' own configuration cannot be set by the environment; write it in the file"
		return nil, e
	case name == strings.ToUpper(name):
		if s := compiled().root.at(path); s != nil && s.Type != "object" {
			return path, nil
		} else if s != nil {
			e.Msg = name + " is a group of settings; name one of them, such as " + variable(append(path, s.keys()[0]))
			return nil, e
		}
	}
	e.Msg = "unknown variable " + name
	var known []string
	for _, p := range compiled().root.scalars() {
		known = append(known, variable(p))
	}
	e.Suggestion = nearest(strings.ToUpper(name), known)
	return nil, e
}

// variable is the name of the variable that sets a key.
func variable(path []string) string {
	return envPrefix + strings.ToUpper(strings.Join(path, envLevel))
}

// readFlags makes a layer of the flags that the user gave, by dotted key.
func readFlags(flags map[string]any) (*layer, []*Error) {
	l := &layer{file: fromFlags}
	var errs []*Error
	flat := map[string]any{}
	for key, v := range flags {
		path := strings.Split(key, ".")
		schema := compiled().root.at(path)
		if schema == nil || schema.Type == "object" || schema.Type == "array" {
			errs = append(errs, &Error{File: fromFlags, Key: key, Msg: fmt.Sprintf("unknown key %q", key), Suggestion: nearest(key, dottedAll(compiled().root.scalars()))})
			continue
		}
		switch v := v.(type) {
		case string:
			flat[key] = typed(schema, v)
		case time.Duration:
			flat[key] = v.String()
		default:
			flat[key] = v
		}
	}
	values, err := confmap.Provider(flat, ".").Read()
	if err != nil {
		errs = append(errs, &Error{File: fromFlags, Msg: "cannot be read", Err: err})
	}
	l.values = values
	return l, errs
}

func dottedAll(paths [][]string) []string {
	all := make([]string, len(paths))
	for i, p := range paths {
		all[i] = dotted(p)
	}
	return all
}

// typed reads text as the schema wants it; text that cannot be read so stays
// text, and the check of the schema says so.
func typed(schema *node, text string) any {
	switch schema.Type {
	case "integer":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case "boolean":
		switch text {
		case "true":
			return true
		case "false":
			return false
		}
	}
	return text
}
