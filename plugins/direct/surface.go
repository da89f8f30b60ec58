package direct

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/patchbay-dev/patchbay/abi"
)

// The exports of the tier.
const (
	exportMemory     = "memory"
	exportABI        = "patchbay_abi_1"
	exportBuffer     = "patchbay_buffer"
	exportCall       = "patchbay_call"
	exportInitialize = "_initialize"
	abiPrefix        = "patchbay_abi_"
)

// ErrSurface is matched by every error of Check: the module's imports or
// exports are not those of this tier.
var ErrSurface = errors.New("not a module that this host can run")

// Extern is an import or an export of a module, spelled as plugins/meter does.
type Extern struct {
	// Module is empty for an export.
	Module string
	Name   string
	// Kind is func, memory, table or global.
	Kind string
	// Signature of a func, such as "(i32, i32) -> i64" or "()".
	Signature string
}

// signature spells a function type.
func signature(params, results []api.ValueType) string {
	s := "(" + typeNames(params) + ")"
	switch len(results) {
	case 0:
		return s
	case 1:
		return s + " -> " + typeNames(results)
	}
	return s + " -> (" + typeNames(results) + ")"
}

func typeNames(types []api.ValueType) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = api.ValueTypeName(t)
	}
	return strings.Join(names, ", ")
}

// Check compares what a module imports and exports with what the tier asks
// for. The error lists everything that is missing or wrong, and matches
// ErrSurface.
func Check(imports, exports []Extern) error {
	byName := make(map[string]Extern, len(exports))
	for _, e := range exports {
		byName[e.Name] = e
	}
	if err := checkVersion(byName); err != nil {
		return err
	}
	var wrong []string
	if e, ok := byName[exportMemory]; !ok {
		wrong = append(wrong, "does not export memory")
	} else if e.Kind != "memory" {
		wrong = append(wrong, fmt.Sprintf("exports memory as a %s", e.Kind))
	}
	for _, want := range []struct {
		name, signature string
		optional        bool
	}{
		{exportABI, "() -> i32", false},
		{exportBuffer, "(i32) -> i32", false},
		{exportCall, "(i32, i32) -> i64", false},
		{exportInitialize, "()", true},
	} {
		e, ok := byName[want.name]
		switch {
		case !ok && want.optional:
		case !ok:
			wrong = append(wrong, "does not export "+want.name+want.signature)
		case e.Kind != "func":
			wrong = append(wrong, fmt.Sprintf("exports %s as a %s, want a function %s", want.name, e.Kind, want.signature))
		case e.Signature != want.signature:
			wrong = append(wrong, fmt.Sprintf("exports %s%s, want %s%s", want.name, e.Signature, want.name, want.signature))
		}
	}
	for _, i := range imports {
		if why := checkImport(i); why != "" {
			wrong = append(wrong, why)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	if _, ok := byName["_start"]; ok && byName[exportInitialize].Name == "" {
		wrong = append(wrong, "it is a command (it exports _start): build it as a library, for Go with -buildmode=c-shared")
	}
	return fmt.Errorf("%w: it %s", ErrSurface, strings.Join(wrong, "; it "))
}

// checkVersion refuses a module of another ABI only, with both numbers.
func checkVersion(exports map[string]Extern) error {
	if _, ok := exports[exportABI]; ok {
		return nil
	}
	var others []string
	for name := range exports {
		if n, ok := strings.CutPrefix(name, abiPrefix); ok && n != "" && strings.Trim(n, "0123456789") == "" {
			others = append(others, n)
		}
	}
	if len(others) == 0 {
		return nil
	}
	slices.Sort(others)
	return fmt.Errorf("%w: it speaks ABI %s, this host speaks ABI %d", ErrSurface, strings.Join(others, " and "), abi.Version)
}

// checkImport says why an import is refused, or nothing.
func checkImport(i Extern) string {
	name := i.Module + "." + i.Name
	if i.Kind != "func" {
		return fmt.Sprintf("imports the %s %s, which this host does not give", i.Kind, name)
	}
	var want string
	switch i.Module {
	case wasiModule:
		f, ok := wasi[i.Name]
		if !ok {
			return fmt.Sprintf("imports %s, which preview 1 does not have", name)
		}
		want = signature(valueTypes(f.params), f.results(i.Name))
	case hostModule:
		if i.Name != "log" {
			return fmt.Sprintf("imports %s, which this host does not give", name)
		}
		want = signature(valueTypes("iii"), nil)
	default:
		return fmt.Sprintf("imports %s, which is not part of the sandbox", name)
	}
	if i.Signature != want {
		return fmt.Sprintf("imports %s%s, which is %s%s", name, i.Signature, name, want)
	}
	return ""
}
