package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// checkSchema validates a layer and says what is wrong in our own words: those
// of the validator quote values.
func checkSchema(l *layer) []*Error {
	err := compiled().validator.Validate(l.values)
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		if err != nil {
			return []*Error{{File: l.file, Msg: "cannot be checked against the schema", Err: err}}
		}
		return nil
	}
	return explain(l, invalid)
}

func explain(l *layer, e *jsonschema.ValidationError) []*Error {
	if len(e.Causes) > 0 {
		var all []*Error
		for _, cause := range e.Causes {
			all = append(all, explain(l, cause)...)
		}
		return all
	}
	path := e.InstanceLocation
	name, schema := l.name(path), compiled().root.at(path)
	say := func(format string, args ...any) []*Error {
		return []*Error{l.fail(path, name+" "+fmt.Sprintf(format, args...))}
	}
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		return unknownKeys(l, path, k.Properties)
	case *kind.Required:
		return say("lacks %s", strings.Join(k.Missing, ", "))
	case *kind.Type:
		if schema != nil && schema.Format == formatDuration {
			return say("%s", wantDuration)
		}
		return say("must be %s, not %s", article(strings.Join(k.Want, " or ")), article(k.Got))
	case *kind.Format:
		return say("%s", wantDuration)
	case *kind.Enum:
		return []*Error{wrongChoice(l, path, name, k)}
	case *kind.Minimum:
		return say("must be at least %s", k.Want.RatString())
	case *kind.Maximum:
		return say("must be at most %s", k.Want.RatString())
	case *kind.MinLength:
		return say("must not be empty")
	case *kind.Pattern:
		return say("must begin with a lower-case letter or a digit; then dots, dashes and underscores are allowed too")
	case *kind.UniqueItems:
		return say("lists the same thing twice, as number %d and number %d", k.Duplicates[0]+1, k.Duplicates[1]+1)
	}
	return say("is not allowed here")
}

const wantDuration = `must be a duration that is not negative, such as "30s" or "5m"`

func unknownKeys(l *layer, path, keys []string) []*Error {
	known := compiled().root.at(path).keys()
	var all []*Error
	for _, key := range keys {
		msg := fmt.Sprintf("unknown key %q", key)
		if len(path) > 0 {
			msg += " in " + dotted(path)
		}
		e := l.fail(append(path[:len(path):len(path)], key), msg)
		e.Suggestion = nearest(key, known)
		if e.Suggestion == "" && len(path) == 2 && path[0] == "credentials" {
			e.Msg += `: the fields of a credential stand under "set" or "secrets"`
		}
		all = append(all, e)
	}
	return all
}

func wrongChoice(l *layer, path []string, name string, k *kind.Enum) *Error {
	choices := make([]string, len(k.Want))
	for i, w := range k.Want {
		choices[i] = fmt.Sprint(w)
	}
	e := l.fail(path, name+" must be one of "+strings.Join(choices, ", "))
	if got, ok := k.Got.(string); ok {
		e.Suggestion = nearest(strings.ToLower(got), choices)
	}
	return e
}

// article says a JSON type as one speaks.
func article(jsonType string) string {
	switch jsonType {
	case "object":
		return "a map"
	case "array":
		return "a list"
	case "integer":
		return "an integer"
	case "boolean":
		return "true or false"
	case "null":
		return "empty"
	}
	return "a " + jsonType
}
