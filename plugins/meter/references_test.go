package meter_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// TestReferencesAreMadeOnce: a loop of ref.func takes no memory of the host's.
func TestReferencesAreMadeOnce(t *testing.T) {
	a := one(void, nil, 0x03, 0x40, 0xd2, 0, 0x1a, 0x0c, 0, 0x0b, 0x0b)
	e := newEngine(t, nil)
	e.stopAt = 20 // three million references
	m := e.instance(t, rewrite(t, a.bytes()).Wasm)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := call(t, m, "f"); !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if made := after.TotalAlloc - before.TotalAlloc; made > 1<<20 {
		t.Errorf("%d KiB were allocated", made>>10)
	}
}

// TestReferencesMustBeDeclared: the globals that are added declare functions,
// and must not make a module valid that is not.
func TestReferencesMustBeDeclared(t *testing.T) {
	a := calls(0xd2, 1, 0x1a)
	if _, err := meter.Rewrite(a.bytes(), meter.Config{}); !errors.Is(err, meter.ErrInvalid) {
		t.Errorf("undeclared: %v", err)
	}
	for name, declare := range map[string]func(*asm){
		"export":      func(a *asm) { a.exports = append(a.exports, export("g", 1)) },
		"global":      func(a *asm) { a.globals = append(a.globals, cat(funcref, 0, 0xd2, 1, 0x0b)) },
		"element":     func(a *asm) { a.elements = [][]byte{cat(0, 0x41, 0, 0x0b, 1, 1)} },
		"declarative": func(a *asm) { a.elements = [][]byte{cat(3, 0, 1, 1)} },
	} {
		a := calls(0xd2, 1, 0xd2, 0, 0x1a, 0x1a, 0xd2, 1, 0x1a)
		declare(&a)
		e := newEngine(t, nil)
		if _, err := call(t, e.instance(t, rewrite(t, a.bytes()).Wasm), "f"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
