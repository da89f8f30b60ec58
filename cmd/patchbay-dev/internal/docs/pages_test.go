package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/patchbay-dev/patchbay/host/settings"
)

// root is the repository.
var root = filepath.Join("..", "..", "..", "..")

func read(t *testing.T, elem ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{root}, elem...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestEveryErrorCodeIsExplained: the page about trouble has a row for every
// code that a client, a log or status can show, and for no other.
func TestEveryErrorCodeIsExplained(t *testing.T) {
	want := map[string]bool{}
	for _, dir := range []string{"host/auth", "host/gateway", "host/driver"} {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(dir), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				collectCodes(t, file, want)
			}
		}
	}
	if len(want) < 30 {
		t.Fatalf("found only the codes %v", slices.Sorted(maps.Keys(want)))
	}
	got := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(read(t, "docs", "troubleshooting.md"), -1) {
		got[row[1]] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("codes in docs/troubleshooting.md (-code +page):\n%s", diff)
	}
}

// collectCodes takes the constants whose names begin with code, and the keys of
// the map that is called codes.
func collectCodes(t *testing.T, file string, into map[string]bool) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	take := func(e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			code, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			into[code] = true
		}
	}
	for _, decl := range f.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range gen.Specs {
			v, ok := spec.(*ast.ValueSpec)
			if !ok {
				continue
			}
			for i, name := range v.Names {
				switch {
				case i >= len(v.Values):
				case gen.Tok == token.CONST && strings.HasPrefix(strings.ToLower(name.Name), "code"):
					take(v.Values[i])
				case name.Name == "codes":
					if m, ok := v.Values[i].(*ast.CompositeLit); ok {
						for _, e := range m.Elts {
							take(e.(*ast.KeyValueExpr).Key)
						}
					}
				}
			}
		}
	}
}

// TestEveryExitCodeIsExplained: the table of exit codes is that of the command.
func TestEveryExitCodeIsExplained(t *testing.T) {
	var want, got []string
	for _, c := range regexp.MustCompile(`(?m)^\texit\w+\s+= (\d+)$`).FindAllStringSubmatch(read(t, "cmd", "patchbay", "exit.go"), -1) {
		want = append(want, c[1])
	}
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(read(t, "docs", "troubleshooting.md"), -1) {
		got = append(got, row[1])
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 8 {
		t.Errorf("exit codes in docs/troubleshooting.md (-code +page):\n%s", diff)
	}
}

// TestThePluginPageIsItsScript: the files that the page shows are those that a
// script builds.
func TestThePluginPageIsItsScript(t *testing.T) {
	page := read(t, "docs", "plugins.md")
	story := txtar.Parse([]byte(read(t, "cmd", "patchbay", "testdata", "script", "docs_plugins.txtar")))
	shown := 0
	for _, f := range story.Files {
		if !strings.HasPrefix(f.Name, "shout/") {
			continue
		}
		shown++
		if !strings.Contains(page, indented(string(f.Data))) {
			t.Errorf("docs/plugins.md does not show %s as the script has it", f.Name)
		}
	}
	if shown != 3 {
		t.Errorf("the script has %d files of the plugin", shown)
	}
	// The provider with a network is the example.
	_, provider, _ := strings.Cut(read(t, "examples", "openai-compatible", "main.go"), "func main() {}\n\n")
	if provider == "" || !strings.Contains(page, indented(provider)) {
		t.Error("docs/plugins.md does not show examples/openai-compatible as it is")
	}
}

func indented(s string) string {
	return regexp.MustCompile(`(?m)^(.+)$`).ReplaceAllString(strings.TrimRight(s, "\n"), "    $1")
}

// TestTheUnitOutlivesTheGrace: systemd does not cut off what the server still
// lets finish.
func TestTheUnitOutlivesTheGrace(t *testing.T) {
	m := regexp.MustCompile(`(?m)^TimeoutStopSec=(.+)$`).FindStringSubmatch(read(t, "docs", "deploy", "patchbay.service"))
	if m == nil {
		t.Fatal("the unit has no TimeoutStopSec")
	}
	stop, err := time.ParseDuration(m[1])
	const lastWords = 5 * time.Second
	if grace := settings.Default().Limits.ShutdownGrace; err != nil || stop < grace+2*lastWords {
		t.Errorf("TimeoutStopSec=%s, with a grace of %s and %s after it: %v", m[1], grace, lastWords, err)
	}
}

// TestMetricsAreCalledSo: the page about operations names metrics that exist.
func TestMetricsAreCalledSo(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "host", "telemetry", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	code := ""
	for _, f := range files {
		code += read(t, strings.TrimPrefix(f, root))
	}
	names := regexp.MustCompile(`patchbay_(?:plugin_|store_)?([a-z_]+)`).FindAllStringSubmatch(read(t, "docs", "operations.md"), -1)
	for _, name := range names {
		if !strings.Contains(code, strconv.Quote(name[1])) {
			t.Errorf("docs/operations.md tells of %s, which does not exist", name[0])
		}
	}
	if len(names) < 9 {
		t.Errorf("found only %d metrics", len(names))
	}
}

// TestLinksLeadSomewhere: what a page links to in the repository is there.
func TestLinksLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		for _, link := range regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`).FindAllStringSubmatch(read(t, strings.TrimPrefix(page, root)), -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			checked++
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), filepath.FromSlash(link[1]))); err != nil {
				t.Errorf("%s: %v", filepath.Base(page), err)
			}
		}
	}
	if checked < 10 {
		t.Errorf("found only %d links", checked)
	}
}
