// Package canary looks for secrets where none may be: in what guests were given,
// in logs, answers and files. Each secret is looked for in every spelling that
// somebody might choose, also in what is compressed.
package canary

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// minLength is how long a secret must be, in bytes: shorter ones occur by
// accident.
const minLength = 12

// Spellings are the forms under which a secret may turn up, by name: as it is,
// in base64 of both alphabets at each alignment, in hex, and as JSON and URLs
// escape it.
func Spellings(value string) map[string]string {
	all := map[string]string{
		"raw": value, "query": url.QueryEscape(value), "path": url.PathEscape(value),
		"hex": hex.EncodeToString([]byte(value)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(value))),
	}
	for name, html := range map[string]bool{"json": false, "json for html": true} {
		all[name] = quoted(value, html)
		// A log line is JSON itself: what was escaped is escaped again.
		all[name+", twice"] = quoted(all[name], true)
	}
	for name, enc := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
		for before := range 3 {
			text := enc.EncodeToString(append(make([]byte, before), value...))
			all[fmt.Sprint(name, " at ", before)] = text[4 : len(text)-2]
		}
	}
	return all
}

func quoted(value string, html bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(html)
	if err := enc.Encode(value); err != nil {
		panic(err) // a string always encodes
	}
	text := strings.TrimSuffix(b.String(), "\n")
	return text[1 : len(text)-1]
}

// Set is a set of secrets. The zero value is empty. It is safe for concurrent
// use.
type Set struct {
	mu    sync.Mutex // guards names and index
	names map[string]string
	index map[[head]byte][]form
}

// head is how much of each form the index knows.
const head = 6

type form struct{ name, spelling, text string }

// Add adds a secret under a name, and is without effect for one that is there.
// It panics when the secret is too short to be looked for.
func (s *Set) Add(name, value string) {
	if len(value) < minLength {
		panic(fmt.Sprintf("the secret %s has %d bytes; one that is looked for has %d", name, len(value), minLength))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names, s.index = map[string]string{}, map[[head]byte][]form{}
	}
	if _, known := s.names[value]; known {
		return
	}
	s.names[value] = name
	for spelling, text := range Spellings(value) {
		k := [head]byte([]byte(text[:head]))
		if !slices.ContainsFunc(s.index[k], func(f form) bool { return f.text == text }) {
			s.index[k] = append(s.index[k], form{name, spelling, text})
		}
	}
}

// Len is how many secrets there are.
func (s *Set) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.names)
}

// Find returns what it found, sorted, each secret and spelling once, with what
// stands around it. It looks into gzip, wherever in data one begins.
func (s *Set) Find(data []byte) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.unsyncedFind(data)
	for at := range gzips(data) {
		r, err := gzip.NewReader(bytes.NewReader(data[at:]))
		if err != nil {
			continue // it only looked like one
		}
		plain, _ := io.ReadAll(io.LimitReader(r, 64<<20)) // what is cut off may hold one all the same
		for _, f := range s.unsyncedFind(plain) {
			found = append(found, "in gzip: "+f)
		}
	}
	slices.Sort(found)
	return found
}

func (s *Set) unsyncedFind(data []byte) (found []string) {
	seen := map[string]bool{}
	for at := range max(len(data)-head+1, 0) {
		for _, f := range s.index[[head]byte(data[at:at+head])] {
			if key := f.name + ", " + f.spelling; bytes.HasPrefix(data[at:], []byte(f.text)) && !seen[key] {
				seen[key] = true
				found = append(found, fmt.Sprintf("the %s: …%q…", key, data[max(0, at-120):min(len(data), at+len(f.text)+60)]))
			}
		}
	}
	return found
}

// gzips are the places at which a gzip member could begin.
func gzips(data []byte) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for at := 0; ; at++ {
			next := bytes.Index(data[at:], []byte{0x1f, 0x8b, 8})
			if next < 0 || !yield(at+next) {
				return
			}
			at += next
		}
	}
}

// FindFiles looks into every file under dir, and at the names; each hit begins
// with the file's path. What ignored takes by its slash-separated path is left
// out; nil takes nothing.
func (s *Set) FindFiles(dir string, ignored func(path string) bool) (found []string, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if ignored != nil && ignored(name) {
			return nil
		}
		data := []byte(name)
		if e.Type().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			data = append(append(data, 0), text...)
		}
		for _, f := range s.Find(data) {
			found = append(found, name+": "+f)
		}
		return nil
	})
	return found, err
}
