package meter

import (
	"testing"

	"github.com/tetratelabs/wazero"
)

// TestImportsAreRenamed gives the imports of one module another home, and
// leaves those of others where they are.
func TestImportsAreRenamed(t *testing.T) {
	// (import "a" "f" (func)) (import "b" "f" (func)) (import "a" "g" (func))
	wasm := []byte("\x00asm\x01\x00\x00\x00" +
		"\x01\x04\x01\x60\x00\x00" +
		"\x02\x13\x03\x01a\x01f\x00\x00\x01b\x01f\x00\x00\x01a\x01g\x00\x00")
	m, err := Rewrite(wasm, Config{Rename: map[string]string{"a": "elsewhere"}})
	if err != nil {
		t.Fatal(err)
	}
	if m.Imports[0].Module != "a" || m.Imports[1].Module != "b" {
		t.Errorf("the original's imports are told as %v", m.Imports)
	}
	rt := wazero.NewRuntime(t.Context())
	defer rt.Close(t.Context())
	compiled, err := rt.CompileModule(t.Context(), m.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range compiled.ImportedFunctions() {
		module, name, _ := f.Import()
		got = append(got, module+"."+name)
	}
	want := []string{"elsewhere.f", "b.f", "elsewhere.g", YieldModule + "." + YieldName}
	if len(got) != len(want) {
		t.Fatalf("imports are %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("import %d is %s, want %s", i, got[i], want[i])
		}
	}
}
