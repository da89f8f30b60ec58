package plugins

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/patchbay-dev/patchbay/abi"
)

// maxManifestDepth bounds how deep the JSON of a manifest nests.
const maxManifestDepth = 64

var manifestSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(abi.ManifestSchema))
	if err != nil {
		return nil, fmt.Errorf("read the manifest schema: %w", err)
	}
	return compileSchema(doc)
})

// ParseManifest reads and checks a manifest. It says nothing of whether this
// host has what the manifest asks for. Errors match ErrRefused.
func ParseManifest(data []byte) (*abi.Manifest, error) {
	if len(data) > abi.MaxManifest {
		return nil, refuse("the manifest has %d bytes; the most is %d", len(data), abi.MaxManifest)
	}
	if err := checkKeys(data); err != nil {
		return nil, refuse("the manifest is not usable JSON: %v", err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, refuse("the manifest is not usable JSON: %v", err)
	}
	name, version, speaks := identity(doc)
	fail := func(reason string) error {
		return &RefusedError{Plugin: name, Version: version, Reason: reason}
	}
	// The version comes first: a newer manifest may be shaped differently.
	if speaks != 0 && speaks != abi.Version {
		return nil, fail(fmt.Sprintf("it speaks ABI %d, this host speaks ABI %d", speaks, abi.Version))
	}
	schema, err := manifestSchema()
	if err != nil {
		return nil, err
	}
	if err := schema.Validate(doc); err != nil {
		return nil, fail("manifest: " + schemaLine(err))
	}
	m := &abi.Manifest{}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fail("manifest: " + err.Error())
	}
	if err := checkRules(m); err != nil {
		return nil, fail("manifest: " + err.Error())
	}
	return m, nil
}

// identity is what a manifest says of itself, as far as that can be read.
func identity(doc any) (id, version string, speaks int64) {
	top, _ := doc.(map[string]any)
	id, _ = top["id"].(string)
	version, _ = top["version"].(string)
	if n, ok := top["abi"].(json.Number); ok {
		speaks, _ = n.Int64()
	}
	return printable(id), printable(version), speaks
}

// printable keeps a foreign name from breaking out of an error's line.
func printable(s string) string {
	if len(s) > 128 {
		s = s[:128]
	}
	return strings.Map(func(r rune) rune {
		if r < 0x21 || r > 0x7e {
			return '?'
		}
		return r
	}, s)
}

// noLoader keeps a schema from reaching files and servers.
type noLoader struct{}

// Load implements jsonschema.URLLoader.
func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("a schema may not refer to %s", url)
}

func compileSchema(doc any) (*jsonschema.Schema, error) {
	const url = "schema.json"
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(noLoader{})
	if err := c.AddResource(url, doc); err != nil {
		return nil, err
	}
	return c.Compile(url)
}

// schemaLine makes one line of a validation error.
func schemaLine(err error) string {
	_, rest, ok := strings.Cut(err.Error(), "\n")
	if !ok {
		return err.Error()
	}
	var parts []string
	for line := range strings.Lines(rest) {
		parts = append(parts, strings.TrimPrefix(strings.TrimSpace(line), "- "))
	}
	return strings.Join(parts, "; ")
}

// checkKeys refuses what readers of JSON may understand differently: keys that
// occur twice, text that is not UTF-8, and text after the value. (The schema
// refuses keys that differ from known ones in case only.)
func checkKeys(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("it is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := checkValue(dec, 0); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is text after the value")
	}
	return nil
}

func checkValue(dec *json.Decoder, depth int) error {
	if depth > maxManifestDepth {
		return fmt.Errorf("it nests deeper than %d", maxManifestDepth)
	}
	token, err := dec.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for dec.More() {
			token, err := dec.Token()
			if err != nil {
				return err
			}
			key, _ := token.(string)
			if seen[key] {
				return fmt.Errorf("the key %q occurs twice", key)
			}
			seen[key] = true
			if err := checkValue(dec, depth+1); err != nil {
				return err
			}
		}
	case json.Delim('['):
		for dec.More() {
			if err := checkValue(dec, depth+1); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err = dec.Token()
	return err
}
