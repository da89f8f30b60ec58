package host_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// printers show what they are given by its own String, Format or LogValue, which
// hold no secret.
var printers = []string{"fmt", "log/slog", "errors", "testing"}

// secretTypes are those whose fields are secrets.
var secretTypes = map[string]bool{
	module + "/host/auth.Auth":         true,
	module + "/host/auth.TrialRefresh": true,
}

// TestNoCredentialIsMarshalled: outside boltstore, no credential, nor anything
// that holds one, is given to a function that takes any value, such as
// json.Marshal; only those that print may have it.
func TestNoCredentialIsMarshalled(t *testing.T) {
	exports := map[string]string{}
	var ours []exported
	for _, p := range listExports(t) {
		exports[p.ImportPath] = p.Export
		if name, ok := strings.CutPrefix(p.ImportPath, module+"/"); ok && name != "boltstore" && !strings.Contains(name, "testkit") {
			ours = append(ours, p)
		}
	}
	fset := token.NewFileSet()
	imp := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	look := func(path string, files ...*ast.File) (found []string) {
		info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
		if _, err := (&types.Config{Importer: imp}).Check(path, fset, files, info); err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					for _, why := range given(call, info) {
						found = append(found, fset.Position(call.Pos()).String()+": "+why)
					}
				}
				return true
			})
		}
		return found
	}
	for _, p := range ours {
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		for _, what := range look(p.ImportPath, files...) {
			t.Error(what)
		}
	}
	bad, err := parser.ParseFile(fset, "bad.go", marshals, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	if got := look("bad", bad); len(got) != 3 || len(ours) == 0 {
		t.Errorf("of three that marshal it found %q, among %d packages", got, len(ours))
	}
}

// marshals does three times what is not allowed, and twice what is.
const marshals = `package bad

import (
	"encoding/json"
	"fmt"
	"io"

	"` + module + `/host/auth"
)

func f(a *auth.Auth, w io.Writer) {
	json.Marshal(a)
	json.NewEncoder(w).Encode(struct{ List []auth.Auth }{})
	func(any) {}(map[string]*auth.Auth{"a": a})
	json.Marshal(a.ID)
	fmt.Sprint(a)
}
`

// given returns the arguments of a call that hold a credential and go where any
// value may.
func given(call *ast.CallExpr, info *types.Info) (found []string) {
	sig, ok := info.Types[call.Fun].Type.(*types.Signature)
	if !ok {
		return nil
	}
	var name *ast.Ident
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		name = f
	case *ast.SelectorExpr:
		name = f.Sel
	}
	callee := ""
	if name != nil && info.Uses[name] != nil && info.Uses[name].Pkg() != nil {
		callee = info.Uses[name].Pkg().Path()
	}
	for _, printer := range printers {
		if callee == printer {
			return nil
		}
	}
	for i, arg := range call.Args {
		var param types.Type
		switch n := sig.Params().Len(); {
		case sig.Variadic() && i >= n-1 && !call.Ellipsis.IsValid():
			param = sig.Params().At(n - 1).Type().(*types.Slice).Elem()
		case i < n:
			param = sig.Params().At(i).Type()
		default:
			continue
		}
		if face, ok := param.Underlying().(*types.Interface); !ok || face.NumMethods() > 0 {
			continue
		}
		if _, generic := param.(*types.TypeParam); generic {
			continue
		}
		if holdsSecret(info.Types[arg].Type, map[types.Type]bool{}) {
			found = append(found, fmt.Sprintf("a %s is given to something that takes any value", info.Types[arg].Type))
		}
	}
	return found
}

// holdsSecret reports whether a value of a type shows a credential to who walks
// through its exported fields.
func holdsSecret(t types.Type, seen map[types.Type]bool) bool {
	if t == nil || seen[t] {
		return false
	}
	seen[t] = true
	if named, ok := types.Unalias(t).(*types.Named); ok {
		if o := named.Obj(); o.Pkg() != nil && secretTypes[o.Pkg().Path()+"."+o.Name()] {
			return true
		}
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		return holdsSecret(u.Elem(), seen)
	case *types.Slice:
		return holdsSecret(u.Elem(), seen)
	case *types.Array:
		return holdsSecret(u.Elem(), seen)
	case *types.Map:
		return holdsSecret(u.Elem(), seen)
	case *types.Struct:
		for i := range u.NumFields() {
			if f := u.Field(i); f.Exported() && holdsSecret(f.Type(), seen) {
				return true
			}
		}
	}
	return false
}

type exported struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
}

func listExports(t *testing.T) []exported {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", "-export", "-json=ImportPath,Dir,Export,GoFiles", module+"/...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var all []exported
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p exported
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
