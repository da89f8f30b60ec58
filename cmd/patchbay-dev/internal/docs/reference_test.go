package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/config"
)

// TestTheReferenceIsFresh: docs/configuration.md says what the schema says.
func TestTheReferenceIsFresh(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Configuration(page, config.Schema())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(page)); diff != "" {
		t.Errorf("docs/configuration.md is stale, run: go run ./cmd/patchbay-dev docs (-schema +page):\n%s", diff)
	}
}

const schema = `{"type": "object", "properties": {
  "zeta": {"description": "Comes first.", "type": "string", "default": ""},
  "alpha": {"description": "How many.", "type": "integer", "minimum": 0, "maximum": 7, "default": 3},
  "log": {"description": "How to log.", "type": "object", "properties": {
    "level": {"description": "This | or that.", "type": "string", "enum": ["a", "b"], "default": "a"},
    "wait": {"description": "How long.", "type": "string", "format": "go-duration", "default": "5m"}}},
  "list": {"description": "Things.", "type": "array", "items": {"type": "object", "required": ["name"], "properties": {
    "name": {"description": "Its name.", "type": "string"},
    "on": {"description": "Whether.", "type": "boolean", "default": false},
    "set": {"description": "Fields.", "type": "object", "additionalProperties": {"type": "string"}},
    "models": {"description": "Some.", "type": "array", "items": {"type": "string"}},
    "size": {"description": "Bytes.", "type": "integer", "minimum": 1, "maximum": 9223372036854775807, "default": 1}}}},
  "alias": {"description": "Other names.", "type": "object", "additionalProperties": {"type": "array", "items": {"type": "object", "properties": {
    "to": {"description": "The other.", "type": "string", "default": "x"}}}}}}}`

const reference = `
## Top level

| key | type | default | meaning |
| --- | --- | --- | --- |
| ¬zeta¬ | text | empty | Comes first. |
| ¬alpha¬ | integer, 0 to 7 | ¬3¬ | How many. |

## ¬log¬

How to log.

| key | type | default | meaning |
| --- | --- | --- | --- |
| ¬level¬ | ¬a¬, ¬b¬ | ¬a¬ | This \| or that. |
| ¬wait¬ | duration | ¬5m¬ | How long. |

## ¬list[]¬

Things.

| key | type | default | meaning |
| --- | --- | --- | --- |
| ¬name¬ | text | none | Its name. Required. |
| ¬on¬ | ¬true¬, ¬false¬ | ¬false¬ | Whether. |
| ¬set¬ | map of text | none | Fields. |
| ¬models¬ | list of text | none | Some. |
| ¬size¬ | integer, at least 1 | ¬1¬ | Bytes. |

## ¬alias.NAME[]¬

Other names.

| key | type | default | meaning |
| --- | --- | --- | --- |
| ¬to¬ | text | ¬x¬ | The other. |
`

func TestConfiguration(t *testing.T) {
	got, err := Configuration([]byte("by hand\n"+begin+"\nold\n"+end+"\nby hand too\n"), []byte(schema))
	if err != nil {
		t.Fatal(err)
	}
	want := "by hand\n" + begin + "\n" + strings.ReplaceAll(reference, "¬", "`") + "\n" + end + "\nby hand too\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestAPageWithoutItsLinesIsLeftAlone(t *testing.T) {
	for _, page := range []string{"", begin, end, end + begin} {
		if got, err := Configuration([]byte(page), []byte(schema)); err == nil {
			t.Errorf("%q became %q", page, got)
		}
	}
	if _, err := Configuration([]byte(begin+end), []byte("{")); err == nil {
		t.Error("a schema that is none")
	}
}
