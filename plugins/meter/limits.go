package meter

// Caps on the shape of a module. They keep the time and memory of a compile
// proportional to the size of the file; real modules stay far below them (a Go
// module of 4 MB: 6,000 functions, 30 types).
const (
	// MaxFunctions is the most functions a module may have, imports included.
	MaxFunctions = 65_536
	// MaxTypes is the most function types.
	MaxTypes = 10_000
	// MaxParams is the most parameters, and the most results, of a type.
	MaxParams = 128
	// MaxImports is the most imports.
	MaxImports = 10_000
	// MaxExports is the most exports.
	MaxExports = 10_000
	// MaxGlobals is the most globals, imports included.
	MaxGlobals = 65_536
	// MaxTables is the most tables, imports included.
	MaxTables = 100
	// MaxSegments is the most data segments, and the most element segments.
	MaxSegments = 100_000
	// MaxCustoms is the most custom sections.
	MaxCustoms = 1_000
	// MaxLocals is the most locals of a function, parameters included.
	MaxLocals = 50_000
	// MaxNesting is how deep blocks may nest in a function.
	MaxNesting = 10_000
	// MaxTangle bounds, for one function, its locals and loops times its
	// branches and blocks. An engine's compile takes up to 10 µs for each: 3 KB
	// of code can take minutes. The most in 11 MB of compiled Go is 47,000.
	MaxTangle = 1_000_000
	// MaxModuleTangle is the same for all functions together; there it is 5 million.
	MaxModuleTangle = 32_000_000
)
