package pluginbuild

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// writeModfile copies the author's go.mod and go.sum to modfile and beside it,
// with the SDK replaced by what was unpacked. The author's own files stay
// untouched, and a replace of theirs gives way.
func writeModfile(ctx context.Context, dir, modfile, sdk string) error {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return fmt.Errorf("read the plugin's go.mod: %w", err)
	}
	if err := os.WriteFile(modfile, text, 0o600); err != nil {
		return fmt.Errorf("write a go.mod to build with: %w", err)
	}
	sums, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the plugin's go.sum: %w", err)
	}
	if err == nil {
		sumfile := strings.TrimSuffix(modfile, ".mod") + ".sum"
		if err := os.WriteFile(sumfile, sums, 0o600); err != nil {
			return fmt.Errorf("write a go.sum to build with: %w", err)
		}
	}
	edits := []string{"-require=" + module + "@v0.0.0"}
	replaced, err := replaces(ctx, modfile)
	if err != nil {
		return err
	}
	for _, old := range replaced {
		edits = append(edits, "-dropreplace="+old)
	}
	if _, err := modEdit(ctx, modfile, edits...); err != nil {
		return err
	}
	// Written and not an edit: its syntax has no way to quote a path.
	f, err := os.OpenFile(modfile, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("write a go.mod to build with: %w", err)
	}
	_, err = fmt.Fprintf(f, "\nreplace %s => %s\n", module, strconv.Quote(filepath.ToSlash(sdk)))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write a go.mod to build with: %w", err)
	}
	return nil
}

// replaces returns the left sides of the replaces of the SDK, as go mod edit
// takes them.
func replaces(ctx context.Context, modfile string) ([]string, error) {
	out, err := modEdit(ctx, modfile, "-json")
	if err != nil {
		return nil, err
	}
	var mod struct {
		Replace []struct {
			Old struct{ Path, Version string }
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		return nil, fmt.Errorf("read what go mod edit says: %w", err)
	}
	var olds []string
	for _, r := range mod.Replace {
		switch {
		case r.Old.Path != module:
		case r.Old.Version == "":
			olds = append(olds, module)
		default:
			olds = append(olds, module+"@"+r.Old.Version)
		}
	}
	return olds, nil
}

func modEdit(ctx context.Context, modfile string, args ...string) ([]byte, error) {
	var messages bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"mod", "edit"}, args...), modfile)...)
	cmd.Dir = filepath.Dir(modfile)
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	cmd.Stderr = &messages
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("the plugin's go.mod can not be used (%w): %s", err, strings.TrimSpace(messages.String()))
	}
	return out, nil
}
