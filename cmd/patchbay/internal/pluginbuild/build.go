// Package pluginbuild makes a plugin file from an author's Go package, offline:
// the contract and the SDK come from the running binary, so that a plugin
// builds at the binary's version although this module is on no proxy.
package pluginbuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/patchbay-dev/patchbay/plugins"
)

// module is the path under which authors import the SDK.
const module = "github.com/patchbay-dev/patchbay"

// Options say what to build.
type Options struct {
	// Dir is the author's main package, with a go.mod and a manifest.json.
	Dir string
	// Out is the plugin file to write. It is replaced in one step, or left as
	// it was.
	Out string
	// CacheDir is where the SDK's source is unpacked.
	CacheDir string
	// Stdout gets what was built, Stderr the compiler's messages; nil drops
	// the former and puts the latter into the error.
	Stdout, Stderr io.Writer
	// Version is the binary's, for Stdout.
	Version string
}

// Build builds the plugin in o.Dir. It changes nothing there. Errors say what
// to do next.
func Build(ctx context.Context, o Options) error {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return fmt.Errorf("find %s: %w", o.Dir, err)
	}
	manifest, err := readManifest(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		return fmt.Errorf("%s has no go.mod of its own: run go mod init example.com/%s there", o.Dir, filepath.Base(dir))
	}
	if _, err := exec.LookPath("go"); err != nil {
		return errors.New("there is no go on PATH: install Go " + goVersion + " or later (https://go.dev/dl), then try again")
	}
	sdk, err := unpackSDK(o.CacheDir)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "patchbay-build-")
	if err != nil {
		return fmt.Errorf("make a directory to build in: %w", err)
	}
	defer os.RemoveAll(work)
	modfile := filepath.Join(work, "go.mod")
	if err := writeModfile(ctx, dir, modfile, sdk); err != nil {
		return err
	}
	built := filepath.Join(work, "module.wasm")
	if err := compile(ctx, o, dir, modfile, built); err != nil {
		return err
	}
	wasm, err := os.ReadFile(built)
	if err != nil {
		return fmt.Errorf("read what go build made: %w", err)
	}
	sum, size, err := pack(wasm, manifest, o.Out)
	if err != nil {
		return err
	}
	if o.Stdout != nil {
		fmt.Fprintf(o.Stdout, "built %s with the SDK of patchbay %s: %.1f MiB, sha256 %s\nnext: patchbay plugin install %s\n",
			o.Out, o.Version, float64(size)/(1<<20), sum, o.Out)
	}
	return nil
}

func compile(ctx context.Context, o Options, dir, modfile, out string) error {
	var messages bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "build", "-modfile="+modfile, "-mod=mod", "-buildmode=c-shared",
		"-ldflags=-s -w", "-trimpath", "-buildvcs=false", "-o", out, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOWORK=off", "CGO_ENABLED=0", "PWD="+dir)
	cmd.Stdout, cmd.Stderr = &messages, &messages
	if o.Stderr != nil {
		cmd.Stdout, cmd.Stderr = o.Stderr, o.Stderr
	}
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("build %s: %w", o.Dir, ctx.Err())
		}
		return fmt.Errorf("go build of %s failed (%w); the compiler says what to mend%s", o.Dir, err, after(messages.String()))
	}
	return nil
}

func after(messages string) string {
	if messages == "" {
		return ""
	}
	return ":\n" + messages
}

func readManifest(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: a plugin says there what it provides and what it asks for", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	if _, err := plugins.ParseManifest(data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}
