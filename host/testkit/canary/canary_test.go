package canary_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/host/testkit/canary"
)

// TestEverySpellingIsFound: a search that finds nothing is worth nothing, so each
// form is hidden once, raw and in gzip.
func TestEverySpellingIsFound(t *testing.T) {
	const value = `sk-canary/Zq8+&="<x>%41\y`
	var s canary.Set
	s.Add("key", value)
	s.Add("other", "another-canary-0123456789")
	for spelling, text := range canary.Spellings(value) {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write([]byte("before " + text + " behind")); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for name, data := range map[string][]byte{"raw": []byte("before " + text + " behind"), "gzip": append([]byte("\x1f\x8b\x08 text "), packed.Bytes()...)} {
			got := s.Find(data)
			if !strings.Contains(strings.Join(got, "\n"), "the key, ") {
				t.Errorf("%s, %s: found %v", spelling, name, got)
			}
		}
	}
	for _, text := range []string{"u:" + value, "ab" + value, "Basic abc" + value + "tail"} {
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding} {
			if s.Find([]byte(enc.EncodeToString([]byte(text)))) == nil {
				t.Errorf("%q in base64 is not found", text)
			}
		}
	}
	if got := s.Find([]byte(value[:len(value)-1])); got != nil {
		t.Errorf("found %v in a part of it", got)
	}
}

// TestFilesAreSearched: by what is in them and by their names.
func TestFilesAreSearched(t *testing.T) {
	var s canary.Set
	s.Add("key", "canary-in-a-file-0123")
	dir := t.TempDir()
	for name, text := range map[string]string{"a": "x canary-in-a-file-0123", "canary-in-a-file-0123": "", "left-out": "canary-in-a-file-0123"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.FindFiles(dir, func(path string) bool { return path == "left-out" })
	if err != nil || len(got) != 2 {
		t.Errorf("found %v, %v", got, err)
	}
}
