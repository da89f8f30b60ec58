package extism

import (
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/patchbay-dev/patchbay/plugins/direct"
)

// The exports and imports of the tier.
const (
	exportCall = "patchbay_call"
	// EnvModule is what PDKs import, HomeModule what those imports are renamed
	// to before the module is compiled.
	EnvModule  = "extism:host/env"
	HomeModule = "patchbay.extism"
)

// Check compares what a module imports and exports with what the tier asks
// for. The error lists everything that is missing or wrong, and matches
// direct.ErrSurface.
func Check(imports, exports []direct.Extern) error {
	var wrong []string
	found := false
	for _, e := range exports {
		if e.Name != exportCall {
			continue
		}
		found = true
		if e.Kind != "func" || e.Signature != "() -> i32" {
			wrong = append(wrong, fmt.Sprintf("exports %s%s, want a function () -> i32", e.Name, e.Signature))
		}
	}
	if !found {
		wrong = append(wrong, "does not export the function "+exportCall+"() -> i32")
	}
	known := map[string]string{}
	for _, i := range direct.StandardImports() {
		known[i.Module+"."+i.Name] = i.Signature()
	}
	for name, f := range env {
		known[EnvModule+"."+name] = direct.Import{Params: types(f.params), Results: types(f.results)}.Signature()
	}
	for _, i := range imports {
		name := i.Module + "." + i.Name
		want, ok := known[name]
		switch {
		case i.Kind != "func":
			wrong = append(wrong, fmt.Sprintf("imports the %s %s, which this host does not give", i.Kind, name))
		case i.Module == "env" && i.Name == "abort":
			wrong = append(wrong, "imports env.abort: compile with --use abort=NAME, for a function of yours that reports the error and traps")
		case !ok:
			wrong = append(wrong, fmt.Sprintf("imports %s, which is not part of the sandbox", name))
		case i.Signature != want:
			wrong = append(wrong, fmt.Sprintf("imports %s%s, which is %s%s", name, i.Signature, name, want))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%w: it %s", direct.ErrSurface, strings.Join(wrong, "; it "))
}

// types spells value types: i for i32, l for i64.
func types(letters string) []api.ValueType {
	list := make([]api.ValueType, len(letters))
	for i, c := range letters {
		list[i] = api.ValueTypeI32
		if c == 'l' {
			list[i] = api.ValueTypeI64
		}
	}
	return list
}
