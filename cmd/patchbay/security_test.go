package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var heldBy = regexp.MustCompile("`([a-z0-9_/]+_test\\.go): (Test[A-Za-z0-9_]+)`")

// TestPromisesAreHeld: each test that docs/security.md names is where it says.
func TestPromisesAreHeld(t *testing.T) {
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := heldBy.FindAllStringSubmatch(string(page), -1)
	if len(named) < 40 || len(named) != len(regexp.MustCompile(`Test[A-Z]`).FindAllString(string(page), -1)) {
		t.Errorf("%d tests are named in the form that is checked", len(named))
	}
	for _, n := range named {
		file, name := n[1], n[2]
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		if err != nil {
			t.Error(err)
			continue
		}
		if !regexp.MustCompile(`(?m)^func ` + name + `\(t \*testing\.T\)`).Match(text) {
			t.Errorf("%s has no %s", file, name)
		}
	}
}
