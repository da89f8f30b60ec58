package config

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/settings"
)

// TestSchemaIsSettings: the schema has a key for every field of settings with a
// koanf tag, of the right type, with the default that ships, and no other; and
// each has a description.
func TestSchemaIsSettings(t *testing.T) {
	matches(t, nil, compiled().root, reflect.ValueOf(settings.Default()))
	descriptions(t, "", decoded(t))
}

func matches(t *testing.T, path []string, n *node, v reflect.Value) {
	t.Helper()
	var fields []string
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("koanf")
		if key == "-" {
			continue
		}
		fields = append(fields, key)
		at := below(path, key)
		child, field := n.Properties[key], v.Field(i)
		if child == nil {
			t.Errorf("%s: not in the schema", dotted(at))
			continue
		}
		value, kind := field.Interface(), ""
		of := field.Kind()
		if of == reflect.Pointer {
			of = field.Type().Elem().Kind()
		}
		switch of {
		case reflect.Struct:
			kind = "object"
			matches(t, at, child, field)
		case reflect.Map:
			kind = "object"
		case reflect.Slice:
			kind = "array"
			if elem := field.Type().Elem(); elem.Kind() == reflect.Struct {
				matches(t, below(at, "0"), child.Items, reflect.Zero(elem))
			}
		case reflect.Bool:
			kind = "boolean"
		case reflect.String:
			kind = "string"
		case reflect.Int, reflect.Int64:
			kind = "integer"
			if _, ok := value.(time.Duration); ok {
				kind = "string"
			}
		}
		if child.Type != kind {
			t.Errorf("%s: the schema has %q, settings %q", dotted(at), child.Type, kind)
		}
		_, duration := value.(time.Duration)
		if duration != (child.Format == formatDuration) {
			t.Errorf("%s: the schema has the format %q", dotted(at), child.Format)
		}
		if len(path) > 0 && path[0] == "credentials" { // its defaults are not those of settings
			continue
		}
		if got := defaultOf(t, child); child.Default != nil && !reflect.DeepEqual(got, value) {
			t.Errorf("%s: the schema has the default %v, settings %v", dotted(at), got, value)
		} else if child.Default == nil && kind != "object" && kind != "array" {
			t.Errorf("%s: the schema has no default", dotted(at))
		}
	}
	slices.Sort(fields)
	if diff := cmp.Diff(fields, n.keys()); diff != "" {
		t.Errorf("%s (-settings +schema):\n%s", dotted(path), diff)
	}
	if string(n.Additional) != "false" {
		t.Errorf("%s: the schema allows unknown keys", dotted(path))
	}
}

// defaultOf gives the default of the schema in the type that settings has.
func defaultOf(t *testing.T, n *node) any {
	t.Helper()
	switch v := n.Default.(type) {
	case []any: // of integers; a list of anything else has no default
		list := make([]int, len(v))
		for i, e := range v {
			list[i] = int(e.(float64))
		}
		return list
	case string:
		if n.Format == formatDuration {
			d, err := time.ParseDuration(v)
			if err != nil {
				t.Error(err)
			}
			return d
		}
	case float64:
		if v > 1<<20 { // sizes are int64, counts are int
			return int64(v)
		}
		return int(v)
	}
	return n.Default
}

func decoded(t *testing.T) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func descriptions(t *testing.T, at string, n map[string]any) {
	t.Helper()
	properties, _ := n["properties"].(map[string]any)
	for key, p := range properties {
		child := p.(map[string]any)
		if text, _ := child["description"].(string); text == "" {
			t.Errorf("%s.%s has no description", at, key)
		}
		descriptions(t, at+"."+key, child)
	}
	if items, ok := n["items"].(map[string]any); ok {
		descriptions(t, at+"[]", items)
	}
}

func TestSchemaIsACopy(t *testing.T) {
	clear(Schema())
	if !json.Valid(Schema()) {
		t.Error("a caller changed the schema")
	}
}

func TestNearest(t *testing.T) {
	known := []string{"listen", "log", "limits", "level", "credentials"}
	for word, want := range map[string]string{
		"lsten": "listen", "lisetn": "listen", "Listen": "listen", "logs": "log", "lgo": "log", "credential": "credentials",
		"limit": "limits", "xyz": "", "": "", "data_dir": "", "listenaddress": "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1}, {"abc", "ab", 1}, {"kitten", "sitting", 3}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := distance(tt.b, tt.a); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}
