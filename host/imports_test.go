package host_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/patchbay-dev/patchbay"

// rule is one row of the import table: what a package may import directly, of
// ours and of third parties (by module). "*" allows all.
type rule struct{ ours, third []string }

func ours(names ...string) []string { return names }

// table is the design's table of rooms. A package that is not in it fails the
// test: give it a row, with its arrows, before it grows.
var table = map[string]rule{
	"abi":             {},
	"abi/gen":         {third: []string{"github.com/bufbuild/protocompile", "google.golang.org/protobuf"}},
	"sdk-guest":       {ours: ours("abi")},
	"builtin":         {ours: ours("sdk-guest")},
	"host/executor":   {},
	"host/settings":   {},
	"host/auth":       {ours: ours("host/executor"), third: []string{"github.com/google/uuid"}},
	"host/selector":   {ours: ours("host/auth", "host/executor")},
	"host/schedule":   {},
	"host/cooldown":   {ours: ours("host/auth", "host/executor", "host/settings")},
	"host/retry":      {ours: ours("host/auth", "host/executor", "host/settings")},
	"host/models":     {ours: ours("host/auth", "host/settings")},
	"host/refresh":    {ours: ours("host/auth", "host/settings"), third: []string{"golang.org/x/sync"}},
	"host":            {ours: ours("host/executor", "host/settings", "host/auth", "host/selector", "host/schedule", "host/cooldown", "host/retry", "host/models", "host/refresh")},
	"host/wire":       {ours: ours("host/wire/frame"), third: []string{"github.com/tidwall/gjson", "github.com/tidwall/sjson"}},
	"host/wire/frame": {third: []string{"github.com/tidwall/gjson", "github.com/tidwall/sjson"}},
	"host/egress":     {ours: ours("host/auth", "host/executor"), third: []string{"golang.org/x/net"}},
	"host/driver":     {ours: ours("abi", "host/auth", "host/executor", "host/egress", "host/wire", "host/wire/frame"), third: []string{"github.com/golang-jwt/jwt/v5"}},
	"host/login":      {ours: ours("host/auth", "host", "host/settings")},
	"host/gateway":    {ours: ours("host", "host/executor", "host/auth", "host/settings", "host/wire", "host/wire/frame"), third: []string{"github.com/labstack/echo/v4"}},
	"host/admin":      {ours: ours("host", "host/auth", "host/login", "host/settings"), third: []string{"github.com/labstack/echo/v4"}},
	"host/config": {ours: ours("host/settings"), third: []string{
		"github.com/knadh/koanf/v2", "github.com/knadh/koanf/parsers/yaml", "github.com/knadh/koanf/providers/env/v2",
		"github.com/knadh/koanf/providers/file", "github.com/knadh/koanf/providers/rawbytes", "github.com/knadh/koanf/providers/confmap",
		"github.com/knadh/koanf/providers/posflag", "github.com/knadh/koanf/providers/structs",
		"github.com/santhosh-tekuri/jsonschema/v6", "go.yaml.in/yaml/v3", "github.com/go-viper/mapstructure/v2",
		"github.com/fsnotify/fsnotify"}},
	"host/telemetry": {ours: ours("host/auth"), third: []string{"github.com/prometheus/client_golang"}},
	"plugins":        {ours: ours("abi", "plugins/direct", "plugins/extism", "plugins/meter"), third: []string{"github.com/santhosh-tekuri/jsonschema/v6"}},
	"plugins/direct": {ours: ours("abi"), third: []string{"github.com/tetratelabs/wazero"}},
	"plugins/extism": {ours: ours("abi", "plugins/direct"), third: []string{"github.com/extism/go-sdk", "github.com/tetratelabs/wazero"}},
	"plugins/meter":  {ours: ours("abi")},
	// A kit that plugins are held against; it runs whatever is an abi.Guest.
	"plugins/conformance": {ours: ours("abi")},
	"boltstore":           {ours: ours("host/auth"), third: []string{"go.etcd.io/bbolt", "github.com/tink-crypto/tink-go/v2", "google.golang.org/protobuf"}},
	"cmd/patchbay":        {ours: ours("*"), third: []string{"github.com/spf13/cobra"}},
	"cmd/patchbay-dev":    {ours: ours("*"), third: []string{"github.com/spf13/cobra"}},
	"host/testkit":        {ours: ours("*"), third: []string{"*"}},
}

// families are the rooms whose child packages share the parent's row.
var families = []string{"builtin", "cmd/patchbay", "cmd/patchbay-dev", "host/testkit", "sdk-guest"}

// home says in whose packages alone a third party may be reached, by any path:
// everything but these, and what wires them together, works without it.
var home = map[string][]string{
	"go.etcd.io/bbolt":              {"boltstore", "cmd", "host/testkit"},
	"github.com/tetratelabs/wazero": {"plugins", "cmd", "host/testkit"},
	"github.com/extism/go-sdk":      {"plugins", "cmd", "host/testkit"},
	"github.com/labstack/echo/v4":   {"host/gateway", "host/admin", "cmd", "host/testkit"},
	"github.com/knadh/koanf/v2":     {"host/config", "cmd", "host/testkit"},
}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Module     *struct{ Path string }
}

// TestImportTable holds the arrows between the rooms: imports point down only,
// and siblings meet in cmd.
func TestImportTable(t *testing.T) {
	packages := goList(t)
	moduleOf := map[string]string{}
	for _, p := range packages {
		if p.Module != nil {
			moduleOf[p.ImportPath] = p.Module.Path
		}
	}
	checked := 0
	for _, p := range packages {
		name, ok := strings.CutPrefix(p.ImportPath, module+"/")
		if !ok || moduleOf[p.ImportPath] != module {
			continue
		}
		row, ok := table[rowOf(name)]
		if !ok {
			t.Errorf("%s has no row in the import table", name)
			continue
		}
		checked++
		checkDirect(t, name, row, p.Imports, moduleOf)
		for _, dep := range p.Deps {
			rooms, kept := home[moduleOf[dep]]
			if kept && !slices.ContainsFunc(rooms, func(r string) bool { return name == r || strings.HasPrefix(name, r+"/") }) {
				t.Errorf("%s reaches %s; only %s may", name, dep, strings.Join(rooms, ", "))
			}
		}
	}
	if checked == 0 {
		t.Fatal("go list showed none of our packages")
	}
}

func checkDirect(t *testing.T, name string, row rule, imports []string, moduleOf map[string]string) {
	t.Helper()
	for _, imp := range imports {
		m, known := moduleOf[imp]
		if !known { // the standard library
			continue
		}
		if own, ok := strings.CutPrefix(imp, module+"/"); ok {
			sameFamily := rowOf(own) == rowOf(name)
			if !sameFamily && !slices.Contains(row.ours, own) && !slices.Contains(row.ours, "*") {
				t.Errorf("%s imports %s, which its row does not allow", name, own)
			}
		} else if !slices.Contains(row.third, m) && !slices.Contains(row.third, "*") {
			t.Errorf("%s imports %s of module %s, which its row does not allow", name, imp, m)
		}
	}
}

func rowOf(name string) string {
	for _, family := range families {
		if strings.HasPrefix(name, family+"/") {
			return family
		}
	}
	return name
}

func goList(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,Deps,Module", module+"/...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
