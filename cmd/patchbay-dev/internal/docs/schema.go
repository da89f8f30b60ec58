// Package docs writes the parts of the documentation that follow from the code.
package docs

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// node is what the reference tells of a schema.
type node struct {
	Description string          `json:"description"`
	Type        string          `json:"type"`
	Format      string          `json:"format"`
	Default     json.RawMessage `json:"default"`
	Enum        []string        `json:"enum"`
	Minimum     *json.Number    `json:"minimum"`
	Maximum     *json.Number    `json:"maximum"`
	Properties  properties      `json:"properties"`
	Required    []string        `json:"required"`
	Items       *node           `json:"items"`
	Additional  additional      `json:"additionalProperties"`
}

// property is a key and its schema.
type property struct {
	name string
	node node
}

// properties keeps the order of the schema, which is the one to read it in.
type properties []property

// UnmarshalJSON reads an object in its order.
func (p *properties) UnmarshalJSON(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil { // {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		next := property{name: fmt.Sprint(name)}
		if err := dec.Decode(&next.node); err != nil {
			return fmt.Errorf("%s: %w", next.name, err)
		}
		*p = append(*p, next)
	}
	return nil
}

// additional is the schema of keys that have no name of their own; nil when
// there is none.
type additional struct{ node *node }

// UnmarshalJSON reads false, true or a schema.
func (a *additional) UnmarshalJSON(raw []byte) error {
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	a.node = new(node)
	return json.Unmarshal(raw, a.node)
}
