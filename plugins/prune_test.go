package plugins_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/patchbay-dev/patchbay/plugins"
)

// TestOldModulesGo: what nobody pins is deleted, and nothing else in the directory.
func TestOldModulesGo(t *testing.T) {
	dir := t.TempDir()
	h := newHost(t, func(o *plugins.Options) { o.Dir = dir })
	var shas []string
	for _, wasm := range []string{"kept", "old"} {
		sha, err := h.Store([]byte(wasm))
		if err != nil {
			t.Fatal(err)
		}
		shas = append(shas, sha)
	}
	for _, name := range []string{".new-1234", "mine.wasm", "notes"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Prune([]plugins.Locked{{SHA256: shas[0]}}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	slices.Sort(left)
	want := []string{shas[0] + ".wasm", "mine.wasm", "notes"}
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
}
