package meter_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/plugins/meter"
)

func rep(n int, b ...any) []byte { return bytes.Repeat(cat(b...), n) }

var (
	void    = funcType(0)
	voidI32 = funcType(i32, 0)
)

// body is a module whose one function, () -> (), holds text.
func body(text ...any) []byte { return one(void, nil, cat(text...), 0x0b).bytes() }

// with changes a module with one empty function.
func with(change func(*asm)) []byte {
	a := one(void, nil, 0x0b)
	change(&a)
	return a.bytes()
}

// TestRefusesWhatNamesTheAdded: an index of something that the rewrite adds is
// out of range. The module below has 1 function, 1 global, 1 type, 0 imports.
func TestRefusesWhatNamesTheAdded(t *testing.T) {
	for name, wasm := range map[string][]byte{
		"call the import's index":   body(0x10, 1),
		"call a helper":             body(0x10, 2),
		"ref.func":                  body(0xd2, 1, 0x1a),
		"export the import":         with(func(a *asm) { a.exports = [][]byte{export("f", 1)} }),
		"start the import":          with(func(a *asm) { a.start = []byte{1} }),
		"element with the import":   with(func(a *asm) { a.elements = [][]byte{cat(0, 0x41, 0, 0x0b, 1, 1)} }),
		"element expression":        with(func(a *asm) { a.elements = [][]byte{cat(4, 0x41, 0, 0x0b, 1, 0xd2, 1, 0x0b)} }),
		"global made of the import": with(func(a *asm) { a.globals = [][]byte{cat(funcref, 0, 0xd2, 1, 0x0b)} }),
		"read the counter":          body(0x23, 1, 0x1a),
		"write the counter":         body(0x42, 0, 0x24, 1),
		"export the counter":        with(func(a *asm) { a.exports = [][]byte{cat("c", 3, 1)} }),
		"constant from the counter": with(func(a *asm) { a.globals = [][]byte{cat(i64, 0, 0x23, 1, 0x0b)} }),
		"call_indirect its type":    body(0x41, 0, 0x11, 1, 0, 0x1a),
		"block of its type":         body(0x02, 1, 0x42, 0, 0x0b, 0x1a),
		"function of its type":      with(func(a *asm) { a.funcs = [][]byte{{1}} }),
		"an added local":            body(0x20, 0, 0x1a),
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, wasm, meter.ErrInvalid, "is out of range")
		})
	}
}

func refused(t *testing.T, wasm []byte, kind error, reason string) {
	t.Helper()
	m, err := meter.Rewrite(wasm, meter.Config{})
	if m != nil || err == nil {
		t.Fatal("accepted")
	}
	var e *meter.Error
	if !errors.As(err, &e) || !errors.Is(err, kind) || !strings.Contains(err.Error(), reason) {
		t.Fatalf("got %v, want %v with %q", err, kind, reason)
	}
	if e.Offset < 0 || e.Offset > len(wasm) {
		t.Errorf("offset %d of %d", e.Offset, len(wasm))
	}
}

func TestRefusesWhatIsNotAModule(t *testing.T) {
	empty := asm{}.bytes()
	for name, c := range map[string]struct {
		wasm   []byte
		kind   error
		reason string
	}{
		"nothing":             {nil, meter.ErrNotWasm, "begin"},
		"text":                {[]byte("(module)"), meter.ErrNotWasm, "begin"},
		"another version":     {[]byte("\x00asm\x02\x00\x00\x00"), meter.ErrNotWasm, "version"},
		"component":           {[]byte("\x00asm\x0d\x00\x01\x00"), meter.ErrComponent, "GOOS=wasip1 GOARCH=wasm"},
		"unknown section":     {append(empty, 14, 0), meter.ErrInvalid, "unknown section 14"},
		"tag section":         {append(empty, 13, 1, 0), meter.ErrInvalid, "exceptions"},
		"second section":      {append(empty, 1, 1, 0, 1, 1, 0), meter.ErrInvalid, "second type section"},
		"order":               {append(empty, 3, 1, 0, 1, 1, 0), meter.ErrInvalid, "out of order"},
		"data before code":    {append(empty, 11, 1, 0, 10, 1, 0), meter.ErrInvalid, "out of order"},
		"cut section":         {append(empty, 1, 9, 0), meter.ErrInvalid, "declares 9 bytes"},
		"bytes left over":     {append(empty, 1, 2, 0, 0), meter.ErrInvalid, "left over"},
		"size of six bytes":   {append(empty, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0), meter.ErrInvalid, "32 bits"},
		"size of 33 bits":     {append(empty, 1, 0xff, 0xff, 0xff, 0xff, 0x1f), meter.ErrInvalid, "32 bits"},
		"count without bytes": {append(empty, 1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f), meter.ErrInvalid, "declared in 0 bytes"},
		"custom without name": {append(empty, 0, 0), meter.ErrInvalid, "ends too early"},
		"name not UTF-8":      {append(empty, 0, 2, 1, 0xff), meter.ErrInvalid, "UTF-8"},
		"two manifests": {append(append(empty, section(0, cat("patchbay.manifest", 1))...),
			section(0, cat("patchbay.manifest", 2))...), meter.ErrInvalid, "twice"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, c.wasm, c.kind, c.reason) })
	}
}

func TestRefusesOtherFeatures(t *testing.T) {
	imports := func(entry ...any) []byte {
		return asm{types: [][]byte{void}, imports: [][]byte{cat(entry...)}}.bytes()
	}
	for name, c := range map[string]struct {
		wasm   []byte
		reason string
	}{
		"shared memory":           {with(func(a *asm) { a.memories = [][]byte{{3, 1, 1}} }), "threads"},
		"atomic":                  {body(0xfe, 0, 0, 0), "threads"},
		"memory64":                {with(func(a *asm) { a.memories = [][]byte{{4, 1}} }), "memory64"},
		"table64":                 {with(func(a *asm) { a.tables = [][]byte{{funcref, 5, 1, 1}} }), "memory64"},
		"two memories":            {with(func(a *asm) { a.memories = [][]byte{{0, 1}, {0, 1}} }), "multi-memory"},
		"memory.size of memory 1": {body(0x3f, 1, 0x1a), "multi-memory"},
		"load of memory 1":        {body(0x41, 0, 0x28, 0x42, 1, 0, 0x1a), "multi-memory"},
		"throw":                   {body(0x08, 0), "exceptions"},
		"try_table":               {body(0x1f, 0x40, 0, 0x0b), "exceptions"},
		"import of a tag":         {imports("m", "t", 4, 0, 0), "exceptions"},
		"tail call":               {body(0x12, 0), "tail calls"},
		"call_ref":                {body(0x14, 0), "typed function references"},
		"struct.new":              {body(0xfb, 0, 0), "GC"},
		"recursive types":         {append(asm{}.bytes(), 1, 4, 1, 0x4e, 0, 0), "GC"},
		"relaxed SIMD":            {body(0xfd, 0x80, 2), "relaxed SIMD"},
		"extended constant":       {with(func(a *asm) { a.globals = [][]byte{{i32, 0, 0x41, 1, 0x41, 1, 0x6a, 0x0b}} }), "extended constants"},
		"table with initialiser":  {with(func(a *asm) { a.tables = [][]byte{{0x40, 0, funcref, 0, 1, 0xd0, funcref, 0x0b}} }), "reference type"},
		"unknown opcode":          {body(0x27), "unknown opcode 0x27"},
		"unknown misc opcode":     {body(0xfc, 18), "unknown opcode 0xfc"},
		"unknown vector opcode":   {body(0xfd, 0x9a, 1), "unknown opcode 0xfd"},
		"padded vector opcode":    {body(0xfd, 0x8e, 0), "padded"},
		"padded misc opcode":      {body(0xfc, 0x8b, 0, 0), "unknown opcode"},
		"padded block type":       {body(0x02, 0xff, 0x7f, 0x0b), "out of range"},
		"padded memory index":     {body(0x3f, 0x80, 0, 0x1a), "multi-memory"},
		"yield imported":          {imports("patchbay.meter", "yield", 0, 0), "the host's own"},
		"table named like ours":   {imports("patchbay.meter", "t", 1, funcref, 0, 1), "the host's own"},
		"memory named like ours":  {imports("patchbay.meter", "m", 2, 0, 1), "the host's own"},
		"global named like ours":  {imports("patchbay.meter", "yield", 3, i64, 1), "the host's own"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, c.wasm, meter.ErrInvalid, c.reason) })
	}
}

func TestRefusesBrokenRules(t *testing.T) {
	for name, c := range map[string]struct {
		wasm   []byte
		reason string
	}{
		"label":                 {body(0x0c, 1), "out of range"},
		"label of a br_table":   {body(0x41, 0, 0x0e, 2, 0, 1, 0), "out of range"},
		"default of a br_table": {body(0x41, 0, 0x0e, 1, 0, 1), "out of range"},
		"labels without bytes":  {body(0x41, 0, 0x0e, 0xff, 0xff, 0x7f), "declared"},
		"table":                 {body(0x41, 0, 0x25, 1, 0x1a), "out of range"},
		"element segment":       {body(0xfc, 13, 0), "out of range"},
		"data segment":          {with(func(a *asm) { a.dataCount = []byte{0}; a.codes = [][]byte{code(nil, 0xfc, 9, 0, 0x0b)} }), "out of range"},
		"no data count":         {body(0xfc, 9, 0), "no data count section"},
		"data count of nothing": {with(func(a *asm) { a.dataCount = []byte{1} }), "no data section"},
		"wrong data count":      {with(func(a *asm) { a.dataCount = []byte{1}; a.datas = [][]byte{} }), "data count says 1"},
		"no memory":             {with(func(a *asm) { a.memories = nil; a.codes = [][]byte{code(nil, 0x3f, 0, 0x1a, 0x0b)} }), "no memory"},
		"load without memory":   {with(func(a *asm) { a.memories = nil; a.codes = [][]byte{code(nil, 0x28, 2, 0, 0x1a, 0x0b)} }), "no memory"},
		"data without memory":   {with(func(a *asm) { a.memories = nil; a.datas = [][]byte{cat(0, 0x41, 0, 0x0b, 0)} }), "there is none"},
		"no last end":           {one(void, nil, 0x01).bytes(), "without its last end"},
		"open block":            {one(void, nil, 0x02, 0x40, 0x0b).bytes(), "without its last end"},
		"code behind the end":   {one(void, nil, 0x0b, 0x0b).bytes(), "left over"},
		"else without if":       {body(0x02, 0x40, 0x05, 0x0b), "else without an if"},
		"two elses":             {body(0x41, 0, 0x04, 0x40, 0x05, 0x05, 0x0b), "else without an if"},
		"more bodies":           {with(func(a *asm) { a.funcs, a.exports = nil, nil }), "1 bodies for 0 functions"},
		"fewer bodies":          {with(func(a *asm) { a.codes = nil }), "0 bodies for 1 functions"},
		"two exports":           {with(func(a *asm) { a.exports = [][]byte{export("f", 0), export("f", 0)} }), "exported twice"},
		"i32 of 33 bits":        {body(0x41, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x1a), "32 bits"},
		"i64 of eleven bytes":   {body(0x42, rep(10, 0x80), 0, 0x1a), "64 bits"},
		"local type":            {one(void, [][2]int{{1, 0x40}}, 0x0b).bytes(), "value type"},
		"select of two":         {body(0x1c, 2, i32, i32), "select of 2"},
		"limits reversed":       {with(func(a *asm) { a.memories = [][]byte{{1, 2, 1}} }), "above its maximum"},
		"mutable constant":      {asm{imports: [][]byte{cat("m", "g", 3, i32, 1)}, globals: [][]byte{{i32, 0, 0x23, 0, 0x0b}}}.bytes(), "mutable"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, c.wasm, meter.ErrInvalid, c.reason) })
	}
}

func TestRefusesWhatIsTooLarge(t *testing.T) {
	repeat := func(n int, entry []byte) [][]byte {
		all := make([][]byte, n)
		for i := range all {
			all[i] = entry
		}
		return all
	}
	touch := func(n int) (b []byte) {
		for i := range n {
			b = append(b, cat(0x20, uleb(i), 0x21, uleb(i))...)
		}
		return b
	}
	empty := code(nil, 0x0b)
	for name, c := range map[string]struct {
		wasm   []byte
		reason string
	}{
		"body":             {body(rep(256<<10, 0x01)), "at most 262144"},
		"functions":        {with(func(a *asm) { a.funcs, a.codes = repeat(70_000, []byte{0}), repeat(70_000, empty) }), "65536"},
		"types":            {with(func(a *asm) { a.types = repeat(10_001, void) }), "10000"},
		"parameters":       {with(func(a *asm) { a.types = [][]byte{cat(0x60, uleb(129), rep(129, i32), 0)} }), "128"},
		"locals":           {one(void, [][2]int{{30_000, i32}, {20_001, i64}}, 0x0b).bytes(), "50000"},
		"nesting":          {body(rep(10_001, 0x02, 0x40), rep(10_001, 0x0b)), "nested deeper"},
		"loops":            {body(rep(1_100, 0x03, 0x40, 0x0b)), "compile in good time"},
		"locals and loops": {one(void, [][2]int{{2_000, i32}}, rep(600, 0x03, 0x40), touch(2_000), rep(600, 0x0b), 0x0b).bytes(), "compile in good time"},
		"many tangled": {with(func(a *asm) {
			a.funcs, a.codes = repeat(50, []byte{0}), repeat(50, code([][2]int{{900, i32}}, rep(900, 0x41, 0, 0x0d, 0), 0x0b))
		}), "together"},
		"table":              {with(func(a *asm) { a.tables = [][]byte{cat(funcref, 0, uleb(100_001))} }), "100000"},
		"tables together":    {with(func(a *asm) { a.tables = repeat(3, cat(funcref, 0, uleb(50_000))) }), "100000"},
		"tables":             {with(func(a *asm) { a.tables = repeat(101, []byte{funcref, 0, 0}) }), "100 are allowed"},
		"imported and own":   {asm{imports: [][]byte{cat("m", "t", 1, funcref, 0, uleb(60_000))}, tables: [][]byte{cat(funcref, 0, uleb(60_000))}}.bytes(), "100000"},
		"elements":           {with(func(a *asm) { a.elements = repeat(2, cat(1, 0, uleb(60_000), rep(60_000, 0))) }), "elements"},
		"custom sections":    {append(asm{}.bytes(), rep(1_001, 0, 1, 0)...), "custom sections"},
		"data segment count": {with(func(a *asm) { a.dataCount = uleb(100_001) }), "100000"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, c.wasm, meter.ErrLimit, c.reason) })
	}
	t.Run("config", func(t *testing.T) {
		wasm := with(func(a *asm) { a.memories = [][]byte{{0, 3}} })
		for i, cfg := range []meter.Config{{MaxFunctionBody: 1}, {MaxTableElements: 9}, {MaxMemoryPages: 2}} {
			if _, err := meter.Rewrite(wasm, cfg); !errors.Is(err, meter.ErrLimit) {
				t.Errorf("config %d: %v", i, err)
			}
		}
		if _, err := meter.Rewrite(wasm, meter.Config{MaxFunctionBody: 2, MaxTableElements: 10, MaxMemoryPages: 3}); err != nil {
			t.Error(err)
		}
	})
}

// TestRefusesEveryCut: a module that ends too early is refused, wherever it is
// cut, and never with a panic.
func TestRefusesEveryCut(t *testing.T) {
	a := one(voidI32, [][2]int{{1, i64}}, 0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 11, 0, 0x03, 0x40, 0x20, 0, 0x0d, 0, 0x0b, 0x0b)
	a.datas = [][]byte{cat(0, 0x41, 0, 0x0b, "xy")}
	wasm := a.bytes()
	ends := map[int]bool{8: true} // a module may end behind any section
	for at := 8; at < len(wasm); {
		at += 2 + int(wasm[at+1])
		ends[at] = true
	}
	for n := range len(wasm) {
		_, err := meter.Rewrite(wasm[:n:n], meter.Config{})
		if err == nil && !ends[n] {
			t.Errorf("accepted when cut to %d of %d bytes", n, len(wasm))
		}
	}
	if _, err := meter.Rewrite(wasm, meter.Config{}); err != nil {
		t.Error(fmt.Errorf("whole: %w", err))
	}
}
