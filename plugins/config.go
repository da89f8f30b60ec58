package plugins

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/patchbay-dev/patchbay/abi"
)

// sealConfig checks a plugin's configuration against its schema and puts a
// reference in the place of every secret value: {"$secret": "name"}. Errors
// name fields, never values.
func sealConfig(m *abi.Manifest, config json.RawMessage) ([]byte, error) {
	if len(config) == 0 {
		config = json.RawMessage("{}")
	}
	if err := checkKeys(config); err != nil {
		return nil, refuse("its configuration is not usable JSON: %v", err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(config, &fields); err != nil || fields == nil {
		return nil, refuse("its configuration is not a JSON object")
	}
	if len(m.Config) > 0 {
		if err := checkConfig(m.Config, config); err != nil {
			return nil, err
		}
	}
	for _, name := range m.ConfigSecrets {
		if _, set := fields[name]; set {
			ref, err := json.Marshal(map[string]string{"$secret": name})
			if err != nil {
				return nil, fmt.Errorf("seal configuration field %s: %w", name, err)
			}
			fields[name] = ref
		}
	}
	sealed, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("seal the configuration: %w", err)
	}
	return sealed, nil
}

// secretsOf returns what looks up the values of a configuration's secret fields:
// texts as they are, anything else as JSON. The configuration was checked.
func secretsOf(m *abi.Manifest, config json.RawMessage) func(name string) string {
	values := map[string]string{}
	var fields map[string]json.RawMessage
	if len(config) > 0 && json.Unmarshal(config, &fields) != nil {
		fields = nil
	}
	for _, name := range m.ConfigSecrets {
		raw, set := fields[name]
		if !set {
			continue
		}
		text := string(raw)
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		values[name] = text
	}
	return func(name string) string { return values[name] }
}

func checkConfig(schema, config []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return refuse("its config schema: %v", err)
	}
	compiled, err := compileSchema(doc)
	if err != nil {
		return refuse("its config schema: %s", schemaLine(err))
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(config))
	if err != nil {
		return refuse("its configuration is not usable JSON: %v", err)
	}
	if err := compiled.Validate(value); err != nil {
		return refuse("its configuration breaks its schema at %s", strings.Join(places(err), ", "))
	}
	return nil
}

// places lists where a value breaks a schema, and which keyword, without the
// value itself, which may be a secret.
func places(err error) []string {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return []string{"an unknown place"}
	}
	if len(invalid.Causes) == 0 {
		at := "/" + strings.Join(invalid.InstanceLocation, "/")
		return []string{printable(at) + " (" + strings.Join(invalid.ErrorKind.KeywordPath(), "/") + ")"}
	}
	var all []string
	for _, cause := range invalid.Causes {
		all = append(all, places(cause)...)
	}
	return all
}
