package direct_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/host/testkit/wat"
)

// evilDir holds modules that mean harm, as text beside the assembled bytes.
const evilDir = "../testdata/evil"

var update = flag.Bool("update", false, "assemble plugins/testdata/evil anew")

// TestEvilTextAndBytesAgree: what is read in review is what runs in tests.
func TestEvilTextAndBytesAgree(t *testing.T) {
	texts := evilFiles(t, "*.wat")
	if len(texts) < 40 {
		t.Fatalf("%d modules", len(texts))
	}
	for _, file := range texts {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		wasm, err := wat.Assemble(string(text))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		binary := strings.TrimSuffix(file, ".wat") + ".wasm"
		if *update {
			if err := os.WriteFile(binary, wasm, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if kept, err := os.ReadFile(binary); err != nil || !bytes.Equal(kept, wasm) {
			t.Errorf("%s is not what %s says (%v); run: go test ./plugins/direct -run TestEvilTextAndBytesAgree -update", binary, file, err)
		}
	}
	if binaries := evilFiles(t, "*.wasm"); len(binaries) != len(texts) {
		t.Errorf("%d texts, %d modules", len(texts), len(binaries))
	}
}

func evilFiles(t testing.TB, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(evilDir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// readEvil reads an evil module by its name.
func readEvil(t testing.TB, name string) []byte {
	t.Helper()
	wasm, err := os.ReadFile(filepath.Join(evilDir, name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// TestEveryEvilModuleIsTried: a file that no table names proves nothing.
func TestEveryEvilModuleIsTried(t *testing.T) {
	named := map[string]bool{}
	add := func(name string) {
		if named[name] {
			t.Errorf("%s is in two tables", name)
		}
		named[name] = true
	}
	for _, e := range endless {
		add(e.name)
	}
	for _, e := range faulty {
		add(e.name)
	}
	for _, e := range refused {
		add(e.name)
	}
	for _, e := range unreadable {
		add(e.name)
	}
	for _, name := range harmless {
		add(name)
	}
	for _, file := range evilFiles(t, "*.wasm") {
		name := strings.TrimSuffix(filepath.Base(file), ".wasm")
		if !named[name] {
			t.Errorf("%s is in no table", name)
		}
		delete(named, name)
	}
	for name := range named {
		t.Errorf("there is no %s", name)
	}
}
