package plugins

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/plugins/direct"
	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// Tiers of a module.
const (
	TierDirect = "direct"
	TierExtism = "extism"
)

// Info is what can be told of a module without running it.
type Info struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	// Tier is direct, extism, or empty when the module is of neither.
	Tier string `json:"tier,omitempty"`
	// Manifest is nil when there is none or it is refused.
	Manifest    *abi.Manifest   `json:"-"`
	RawManifest json.RawMessage `json:"manifest,omitempty"`
	// Asks is what an operator grants by installing it.
	Asks    Grant           `json:"asks"`
	Imports []direct.Extern `json:"imports,omitempty"`
	Exports []direct.Extern `json:"exports,omitempty"`
	// MemoryBytes is the memory that an instance begins with.
	MemoryBytes int64 `json:"memory_bytes"`
	// TableElements is what its tables begin with.
	TableElements uint64 `json:"table_elements"`
	// Problems are the reasons why this build of the host would refuse it,
	// apart from the operator's limits.
	Problems []string `json:"problems,omitempty"`
}

// Inspect reads a module without running any of it. It fails, with an error
// that matches ErrRefused, only on what is no module at all; other problems
// are listed in the Info.
func Inspect(wasm []byte) (*Info, error) {
	x, err := examine(wasm)
	if err != nil {
		return nil, err
	}
	x.checkAll(Features(), func(err error) {
		var refused *RefusedError
		if errors.As(err, &refused) {
			x.info.Problems = append(x.info.Problems, refused.Reason)
			return
		}
		x.info.Problems = append(x.info.Problems, err.Error())
	})
	return x.info, nil
}

// exam is a module in the course of its checks.
type exam struct {
	info     *Info
	metered  *meter.Module
	manifest error
}

// examine decodes and rewrites a module and reads its manifest.
func examine(wasm []byte) (*exam, error) {
	if len(wasm) > abi.MaxModule {
		return nil, refuse("the file has %d MiB; the most is %d", len(wasm)>>20, abi.MaxModule>>20)
	}
	metered, err := meter.Rewrite(wasm, meter.Config{
		MaxTableElements: abi.MaxTableElements,
		MaxFunctionBody:  abi.MaxFunctionBody,
		Rename:           renamed,
	})
	if err != nil {
		return nil, &RefusedError{Reason: meterReason(err), Err: err}
	}
	x := &exam{metered: metered, info: &Info{
		SHA256: hashOf(wasm), Size: int64(len(wasm)),
		MemoryBytes:   int64(metered.Memory.Min) * abi.PageSize,
		TableElements: metered.TableElements,
	}}
	for _, i := range metered.Imports {
		x.info.Imports = append(x.info.Imports, direct.Extern(i))
	}
	for _, e := range metered.Exports {
		x.info.Exports = append(x.info.Exports, direct.Extern{Name: e.Name, Kind: e.Kind, Signature: e.Signature})
	}
	x.info.Tier = tierOf(x.info)
	raw, ok := metered.Custom[abi.ManifestSection]
	if !ok {
		x.manifest = refuse("it has no manifest; add one with: patchbay plugin pack MODULE.wasm MANIFEST.json")
		return x, nil
	}
	x.info.Manifest, x.manifest = ParseManifest(raw)
	if x.manifest == nil {
		x.info.RawManifest = slices.Clone(raw)
		x.info.Asks = GrantFor(x.info.Manifest)
	}
	return x, nil
}

// meterReason adds to a decoding error what helps.
func meterReason(err error) string {
	if errors.Is(err, meter.ErrComponent) {
		return err.Error() + "; build a core module (for Rust: target wasm32-wasip1, crate-type cdylib)"
	}
	return err.Error()
}

func tierOf(info *Info) string {
	if slices.ContainsFunc(info.Exports, func(e direct.Extern) bool { return strings.HasPrefix(e.Name, "patchbay_abi_") }) {
		return TierDirect
	}
	if slices.ContainsFunc(info.Imports, func(e direct.Extern) bool { return e.Module == "extism:host/env" }) {
		return TierExtism
	}
	return ""
}

// checkAll reports every reason to refuse the module.
func (x *exam) checkAll(features []string, report func(error)) {
	if x.manifest != nil {
		report(x.manifest)
	}
	if err := checkTier(x.info); err != nil {
		report(&RefusedError{Reason: err.Error(), Err: err})
	}
	if m := x.info.Manifest; m != nil {
		if lacks := append(missing(m, features), beyondTier(x.info.Tier, m)...); len(lacks) > 0 {
			report(refuse("this host does not have: %s", strings.Join(lacks, ", ")))
		}
	}
}
