package meter

import "github.com/patchbay-dev/patchbay/abi"

// The import that the rewrite adds, a function () -> i64. The host provides it:
// it lets a garbage collection through, checks the deadline of the call, and
// returns the units of the next slice, usually [Slice], or stops the call by a
// panic. What it returns becomes the counter; zero or less means that the next
// charge yields again.
const (
	YieldModule = "patchbay.meter"
	YieldName   = "yield"
)

// Slice is what a host returns from a yield, in units.
const Slice = 1_000_000

// Config bounds what [Rewrite] accepts. The zero value holds the limits of the
// contract.
type Config struct {
	// MaxTableElements bounds the elements of all tables together; 0 means
	// abi.MaxTableElements.
	MaxTableElements uint32
	// MaxFunctionBody is the largest function body, in bytes; 0 means
	// abi.MaxFunctionBody.
	MaxFunctionBody int
	// MaxMemoryPages refuses a module whose memory begins with more pages of
	// 64 KiB; 0 means no check.
	MaxMemoryPages uint32
	// Rename gives the modules of imports, by name, another name in what is
	// written. Module.Imports has the original's.
	Rename map[string]string
}

// Module is a rewritten module and what the original says about itself.
type Module struct {
	// Wasm is the rewritten module, without custom sections.
	Wasm []byte
	// Imports and Exports are those of the original, in its order.
	Imports []Import
	Exports []Export
	Memory  Memory
	// TableElements is the sum of the tables' minima.
	TableElements uint64
	// Custom holds the custom sections by name, as parts of the original. Of
	// several with one name it holds the last.
	Custom map[string][]byte
	// Functions counts the original's own functions, without imports.
	Functions int
}

// Import is one import of the original.
type Import struct {
	Module, Name string
	// Kind is func, table, memory or global.
	Kind string
	// Signature is the type of a function, such as "(i32, i64) -> i32"; one
	// without parameters and results is "()". Empty for the other kinds.
	Signature string
}

// Export is one export of the original. Kind and Signature are as in [Import].
type Export struct {
	Name, Kind, Signature string
}

// Memory is the original's memory, its own or imported, in pages of 64 KiB.
type Memory struct {
	Min, Max uint32
	// HasMax says whether the module declares Max.
	HasMax bool
	// Present is false for a module without memory.
	Present bool
}

// Rewrite checks a core module of WebAssembly 2.0 and gives it a meter, as the
// package documentation says. It doesn't keep or change wasm, but the values of
// Custom are parts of it.
//
// The error is an *[Error]. Rewrite doesn't check the types of operands: the
// engine must compile the result before the module is taken for valid. It takes
// time and memory proportional to the file, whatever the file holds.
func Rewrite(wasm []byte, cfg Config) (*Module, error) {
	if cfg.MaxTableElements == 0 {
		cfg.MaxTableElements = abi.MaxTableElements
	}
	if cfg.MaxFunctionBody == 0 {
		cfg.MaxFunctionBody = abi.MaxFunctionBody
	}
	known, customs, err := split(wasm)
	if err != nil {
		return nil, err
	}
	if _, _, err := findCustom(customs, abi.ManifestSection); err != nil {
		return nil, err
	}
	w := &rewriter{wasm: wasm, cfg: cfg, known: known, declared: map[uint32]bool{}, referenceOf: map[uint32]uint32{}, longOf: map[uint32]uint32{}}
	if err := w.run(); err != nil {
		return nil, err
	}
	w.module.Custom = make(map[string][]byte, len(customs))
	for _, c := range customs {
		w.module.Custom[c.name] = c.data
	}
	return &w.module, nil
}
