package config

import (
	"bytes"
	_ "embed" // for schema.json
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed schema.json
var schemaJSON []byte

// Schema returns the JSON Schema (2020-12) of the file, with descriptions and
// defaults.
func Schema() []byte { return bytes.Clone(schemaJSON) }

// formatDuration is the format of a Go duration that is not negative.
const formatDuration = "go-duration"

// node is what is read of the schema besides validating with it.
type node struct {
	Type       string           `json:"type"`
	Format     string           `json:"format"`
	Default    any              `json:"default"`
	Properties map[string]*node `json:"properties"`
	Items      *node            `json:"items"`
	// Additional is false, or the schema of keys that are not named.
	Additional json.RawMessage `json:"additionalProperties"`
	additional *node
}

type compiledSchema struct {
	root      *node
	validator *jsonschema.Schema
}

// compiled is made of schema.json once. schema.json is part of the binary, so a
// failure here is one of the build, and a test would have shown it.
var compiled = sync.OnceValue(func() compiledSchema {
	var root node
	if err := json.Unmarshal(schemaJSON, &root); err != nil {
		panic("config: schema.json: " + err.Error())
	}
	root.link()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaJSON))
	if err != nil {
		panic("config: schema.json: " + err.Error())
	}
	c := jsonschema.NewCompiler()
	c.RegisterFormat(&jsonschema.Format{Name: formatDuration, Validate: checkDuration})
	c.AssertFormat()
	if err := c.AddResource("patchbay.json", doc); err != nil {
		panic("config: schema.json: " + err.Error())
	}
	return compiledSchema{root: &root, validator: c.MustCompile("patchbay.json")}
})

func (n *node) link() {
	var extra node
	if len(n.Additional) > 0 && n.Additional[0] == '{' && json.Unmarshal(n.Additional, &extra) == nil {
		extra.link()
		n.additional = &extra
	}
	for _, p := range n.Properties {
		p.link()
	}
	if n.Items != nil {
		n.Items.link()
	}
}

// child returns the schema of a key or an index, nil when the schema says
// nothing of it.
func (n *node) child(key string) *node {
	switch {
	case n == nil:
		return nil
	case n.Items != nil:
		return n.Items
	case n.Properties[key] != nil:
		return n.Properties[key]
	}
	return n.additional
}

// at returns the schema of a path, nil when the schema says nothing of it.
func (n *node) at(path []string) *node {
	for _, key := range path {
		n = n.child(key)
	}
	return n
}

// keys returns the known keys, sorted.
func (n *node) keys() []string {
	if n == nil {
		return nil
	}
	keys := make([]string, 0, len(n.Properties))
	for key := range n.Properties {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// scalars returns the paths of all single values outside of lists and free maps:
// what can be set by the environment and by flags.
func (n *node) scalars() [][]string {
	var paths [][]string
	for _, key := range n.keys() {
		p := n.Properties[key]
		switch p.Type {
		case "object":
			for _, below := range p.scalars() {
				paths = append(paths, append([]string{key}, below...))
			}
		case "array":
		default:
			paths = append(paths, []string{key})
		}
	}
	return paths
}

func checkDuration(v any) error {
	text, ok := v.(string)
	if !ok {
		return nil // another keyword says so
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return errors.New("not a duration")
	}
	return nil
}

// dotted shows a path: credentials[0].label.
func dotted(path []string) string {
	var b strings.Builder
	for i, key := range path {
		if _, err := strconv.Atoi(key); err == nil && i > 0 {
			b.WriteString("[" + key + "]")
			continue
		}
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(key)
	}
	return b.String()
}
