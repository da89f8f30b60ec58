package docs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The lines between which a page is generated; what is outside them is written
// by hand.
const (
	begin = "<!-- from here on: go run ./cmd/patchbay-dev docs -->"
	end   = "<!-- up to here -->"
)

// Configuration returns the page with its generated part made anew from the
// JSON Schema of the configuration file.
func Configuration(page, schema []byte) ([]byte, error) {
	var root node
	if err := json.Unmarshal(schema, &root); err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	before, rest, began := bytes.Cut(page, []byte(begin))
	_, after, ended := bytes.Cut(rest, []byte(end))
	if !began || !ended {
		return nil, errors.New("the page lacks the lines between which it is generated: " + begin + " and " + end)
	}
	var out bytes.Buffer
	out.Write(before)
	out.WriteString(begin + "\n")
	section(&out, "", "", root)
	out.WriteString("\n" + end)
	out.Write(after)
	return out.Bytes(), nil
}

// section writes the table of a group of settings, and then those below it.
func section(out io.Writer, path, description string, n node) {
	title := "Top level"
	if path != "" {
		title = "`" + path + "`"
	}
	fmt.Fprintf(out, "\n## %s\n", title)
	if description != "" {
		fmt.Fprintf(out, "\n%s\n", description)
	}
	rows := ""
	for _, p := range n.Properties {
		if _, inner := group(p.node); inner != nil {
			continue
		}
		meaning := p.node.Description
		if slices.Contains(n.Required, p.name) {
			meaning += " Required."
		}
		rows += fmt.Sprintf("| `%s` | %s | %s | %s |\n", p.name, typeOf(p.node), defaultOf(p.node), cell(meaning))
	}
	if rows != "" {
		fmt.Fprintf(out, "\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n%s", rows)
	}
	for _, p := range n.Properties {
		if suffix, inner := group(p.node); inner != nil {
			section(out, strings.TrimPrefix(path+"."+p.name, ".")+suffix, p.node.Description, *inner)
		}
	}
}

// group returns the map of settings that a setting is or holds, nil when it
// holds none, and how one gets there: [] through a list, .NAME through names
// that the operator chooses.
func group(n node) (suffix string, inner *node) {
	switch {
	case len(n.Properties) > 0:
		return "", &n
	case n.Items != nil:
		suffix, inner = group(*n.Items)
		return "[]" + suffix, inner
	case n.Additional.node != nil:
		suffix, inner = group(*n.Additional.node)
		return ".NAME" + suffix, inner
	}
	return "", nil
}

// typeOf says what may stand there.
func typeOf(n node) string {
	switch {
	case len(n.Enum) > 0:
		return "`" + strings.Join(n.Enum, "`, `") + "`"
	case n.Format == "go-duration":
		return "duration"
	case n.Type == "string":
		return "text"
	case n.Type == "boolean":
		return "`true`, `false`"
	case n.Type == "integer":
		return "integer" + bounds(n)
	case n.Type == "array" && n.Items != nil:
		return "list of " + typeOf(*n.Items)
	case n.Type == "object" && n.Additional.node != nil:
		return "map of " + typeOf(*n.Additional.node)
	case n.Type == "object":
		return "map"
	}
	return n.Type
}

// unbounded are maxima that only say how large a number of the machine is.
var unbounded = []string{"9223372036854775807", "2147483647"}

func bounds(n node) string {
	low, high := "", ""
	if n.Minimum != nil {
		low = n.Minimum.String()
	}
	if n.Maximum != nil && !slices.Contains(unbounded, n.Maximum.String()) {
		high = n.Maximum.String()
	}
	switch {
	case low != "" && high != "":
		return ", " + low + " to " + high
	case low != "":
		return ", at least " + low
	case high != "":
		return ", at most " + high
	}
	return ""
}

func defaultOf(n node) string {
	var text string
	switch {
	case len(n.Default) == 0:
		return "none"
	case json.Unmarshal(n.Default, &text) == nil && text == "":
		return "empty"
	case text != "":
		return "`" + text + "`"
	}
	return "`" + string(n.Default) + "`"
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
