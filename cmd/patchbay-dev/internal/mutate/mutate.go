// Package mutate shows that the acceptance cases hold the decisions of the core
// to their word: it replaces one decision at a time by one that does nothing,
// and counts the cases that notice. The sources stay as they are; the compiler
// is given other ones (go test -overlay).
package mutate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Mutation is a decision and what is put in its place.
type Mutation struct {
	// Name of the decision, for people.
	Name string
	// Edits are the functions that decide.
	Edits []Edit
}

// Edit makes a function return at once.
type Edit struct {
	// File relative to the repository.
	File string
	// Func is how the function's line begins.
	Func string
	// Return is the statement that it then begins with.
	Return string
}

// Mutations are those that must be noticed.
var Mutations = []Mutation{
	{Name: "Decide", Edits: []Edit{{"host/cooldown/decide.go", "func Decide(", "return prev, false"}}},
	{Name: "retry", Edits: []Edit{
		{"host/retry/round.go", "func Next(", "return 0, false"},
		{"host/retry/classify.go", "func Failover(", "return false"},
	}},
	{Name: "pick", Edits: []Edit{{"host/schedule/pick.go", "func (x *Index[V]) Pick(", "return Picked[V]{}, false"}}},
}

// Noticed runs the acceptance cases of the repository at root with a mutation
// and returns the names of those that fail, sorted. An error means that they did
// not run.
func Noticed(ctx context.Context, root string, m Mutation) ([]string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "patchbay-mutate-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	overlay, err := write(root, dir, m)
	if err != nil {
		return nil, err
	}
	cases := filepath.Join(dir, "cases")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", cases, "-overlay", overlay, "-vet=off", "./host")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: build the cases: %w\n%s", m.Name, err, out)
	}
	list, err := exec.CommandContext(ctx, cases, "-test.list=^TestCase[0-9]").Output()
	if err != nil {
		return nil, fmt.Errorf("%s: list the cases: %w", m.Name, err)
	}
	var failed []string
	// One at a time: a case that panics would take the others with it.
	for _, name := range strings.Fields(string(list)) {
		run := exec.CommandContext(ctx, cases, "-test.timeout=10s", "-test.run=^"+name+"$")
		run.Dir = filepath.Join(root, "host")
		var exit *exec.ExitError
		switch err := run.Run(); {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, &exit):
			failed = append(failed, name)
		case err != nil:
			return nil, fmt.Errorf("%s: run %s: %w", m.Name, name, err)
		}
	}
	slices.Sort(failed)
	return failed, nil
}

// write puts the changed files and the overlay that names them into dir.
func write(root, dir string, m Mutation) (overlay string, err error) {
	replace := map[string]string{}
	for i, e := range m.Edits {
		file := filepath.Join(root, filepath.FromSlash(e.File))
		if replace[file] != "" {
			return "", fmt.Errorf("%s: two edits of %s", m.Name, e.File)
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		changed, err := e.apply(source)
		if err != nil {
			return "", fmt.Errorf("%s: %w", m.Name, err)
		}
		replace[file] = filepath.Join(dir, fmt.Sprintf("%d.go", i))
		if err := os.WriteFile(replace[file], changed, 0o600); err != nil {
			return "", err
		}
	}
	raw, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, raw, 0o600)
}

// apply puts the statement behind the line that the function begins with.
func (e Edit) apply(source []byte) ([]byte, error) {
	var out bytes.Buffer
	found := 0
	for line := range bytes.Lines(source) {
		out.Write(line)
		if bytes.HasPrefix(line, []byte(e.Func)) {
			found++
			fmt.Fprintf(&out, "\t%s\n", e.Return)
		}
	}
	if found != 1 {
		return nil, fmt.Errorf("%s has %d functions that begin with %q, want one", e.File, found, e.Func)
	}
	return out.Bytes(), nil
}
