package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestProgressInPlainLines: where nobody watches, a line at the start and one for
// each tenth, and nothing that only a terminal understands.
func TestProgressInPlainLines(t *testing.T) {
	var out strings.Builder
	p := startProgress(&out, "importing 1000 files")
	for i := range 1000 {
		p.step(i+1, 1000)
	}
	if _, err := p.Write([]byte("a word between\n")); err != nil {
		t.Error(err)
	}
	p.end()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 12 || lines[0] != "importing 1000 files" || lines[1] != "importing 1000 files: 100/1000" || lines[11] != "a word between" {
		t.Errorf("%q", lines)
	}
	if strings.ContainsAny(out.String(), "\r\x1b") {
		t.Errorf("%q", out.String())
	}
}

// TestProgressOnATerminal: one line, drawn anew, and gone in the end.
func TestProgressOnATerminal(t *testing.T) {
	var out safeBuffer
	p := newProgress(&out, "installing", true)
	p.step(3, 5)
	p.draw()
	if _, err := p.Write([]byte("a word\n")); err != nil {
		t.Error(err)
	}
	p.end()
	text := out.String()
	if !strings.Contains(text, "\r\x1b[Kinstalling … 0s") || !strings.Contains(text, "\r\x1b[Kinstalling 3/5 … ") ||
		!strings.Contains(text, "\r\x1b[Ka word\n") || !strings.HasSuffix(text, "\r\x1b[K") {
		t.Errorf("%q", text)
	}
}

func TestIsTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if isTerminal(f) || isTerminal(&strings.Builder{}) {
		t.Error("a file or a buffer is a terminal")
	}
	t.Setenv("TERM", "dumb")
	if isTerminal(os.Stderr) {
		t.Error("a dumb terminal cannot draw")
	}
}
