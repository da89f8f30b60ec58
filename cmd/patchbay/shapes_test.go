package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/host/testkit/upstream"
)

// TestJSONShapes: what --json prints keeps its names and kinds, since programs
// read it. testdata/shapes.golden is the interface: add to it, and take nothing
// away. UPDATE_GOLDEN=1 writes it anew.
func TestJSONShapes(t *testing.T) {
	openaiCompatible, _ := examples(t)
	up := upstream.New(t, "small", "large")
	dir := t.TempDir()
	key := filepath.Join(dir, "key.txt")
	files := filepath.Join(dir, "files")
	for path, text := range map[string]string{
		key:                            "sk-nobody",
		filepath.Join(files, "a.json"): `{"type":"openai-compatible","base_url":"` + up.BaseURL() + `","api_key":"sk-fake","email":"a@example.com","expired":"2030-01-02T03:04:05Z","note":"x"}`,
		filepath.Join(files, "b.json"): `{"type":"nonesuch"}`,
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n := start(t, filepath.Join(dir, "data"), func(c *settings.Config) { c.Cooldown.Unauthorized = settings.DefaultCooldown().Unauthorized })
	n.install("openai-compatible", openaiCompatible)
	var shapes strings.Builder
	note := func(what string, args ...string) string {
		out := n.must(append(args, "--json")...)
		var v any
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		fmt.Fprintf(&shapes, "# %s\n%s", what, shape("", v))
		return out
	}
	added := note("auth add", "auth", "add", "openai-compatible", "--label", "work", "--set", "base_url="+up.BaseURL(), "--secret", "api_key=@"+key,
		"--models", "small", "--prefix", "team", "--priority", "1", "--allow-private")
	var view struct{ ID string }
	if err := json.Unmarshal([]byte(added), &view); err != nil {
		t.Fatal(err)
	}
	// The provider refuses the key, so that there is something to show.
	c := n.client(n.key())
	if _, err := c.Chat.Completions.New(t.Context(), chat("small", "hi")); err == nil {
		t.Fatal("a wrong key was taken")
	}
	note("auth import", "auth", "import", files)
	note("auth list", "auth", "list")
	note("auth show", "auth", "show", view.ID)
	note("status", "status")
	note("explain", "explain", "--model", "team/small")
	note("auth reset-cooldown", "auth", "reset-cooldown", view.ID)
	note("auth disable", "auth", "disable", view.ID)
	note("auth set", "auth", "set", view.ID, "--label", "home")
	note("key create", "key", "create", "--name", "x")
	note("key list", "key", "list")
	note("plugin list", "plugin", "list")
	note("version", "version")

	golden := filepath.Join("testdata", "shapes.golden")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, []byte(shapes.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(read(t, golden), shapes.String()); diff != "" {
		t.Errorf("what programs read has changed (-want +got):\n%s", diff)
	}
}

// shape is a line for each value: its path and its kind.
func shape(path string, v any) string {
	switch v := v.(type) {
	case map[string]any:
		var b strings.Builder
		for _, key := range slices.Sorted(maps.Keys(v)) {
			b.WriteString(shape(path+"."+key, v[key]))
		}
		return b.String()
	case []any:
		seen := map[string]bool{}
		for _, e := range v {
			for line := range strings.Lines(shape(path+"[]", e)) {
				seen[line] = true
			}
		}
		if len(v) == 0 {
			return path + "[]\n"
		}
		return strings.Join(slices.Sorted(maps.Keys(seen)), "")
	case nil:
		return path + " null\n"
	case float64:
		return path + " number\n"
	}
	return fmt.Sprintf("%s %T\n", path, v)
}
