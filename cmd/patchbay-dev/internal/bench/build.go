package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// build makes what is not given, and a data directory with the plugin, a
// credential for the upstream and a client key.
func (b *bench) build() error {
	mod, err := b.output("", "go", "env", "GOMOD")
	if err != nil {
		return fmt.Errorf("find the repository: %w", err)
	}
	if b.root = filepath.Dir(mod); mod == "" || mod == os.DevNull {
		return errors.New("run the benchmark in the repository: it builds and runs what is there")
	}
	if err := b.openCache(); err != nil {
		return err
	}
	if b.patchbay == "" {
		b.logf("building patchbay")
		b.patchbay = b.file("patchbay")
		if _, err := b.output(b.root, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", b.patchbay, "./cmd/patchbay"); err != nil {
			return err
		}
	}
	if b.patchbay, err = filepath.Abs(b.patchbay); err != nil {
		return err
	}
	if b.plugin == "" {
		b.logf("building the plugin")
		b.plugin = b.file("openai-compatible.wasm")
		if _, err := b.output(b.root, b.patchbay, "plugin", "build", "examples/openai-compatible", "-o", b.plugin); err != nil {
			return err
		}
	}
	b.plugin, err = filepath.Abs(b.plugin)
	return err
}

// maxCached is how many files the compile cache may hold before it is emptied:
// every change of the SDK adds a dozen.
const maxCached = 300

// openCache finds the place for compiled modules. It is kept from run to run,
// since compiling one takes seconds, and is the user's alone, since code in it
// is run.
func (b *bench) openCache() error {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	b.cache = filepath.Join(base, "patchbay-bench")
	files := 0
	_ = filepath.WalkDir(b.cache, func(string, os.DirEntry, error) error { files++; return nil }) // one that cannot be read is new
	if files > maxCached {
		if err := os.RemoveAll(b.cache); err != nil {
			return err
		}
	}
	return os.MkdirAll(b.cache, 0o700)
}

// prepare makes a data directory with plugins installed, whose compile cache is
// the kept one.
func (b *bench) prepare(name string, modules ...string) (dir string, err error) {
	dir = b.file(name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	if err := os.Symlink(b.cache, filepath.Join(dir, "cache")); err != nil {
		return "", err
	}
	for _, m := range modules {
		if _, err := b.output("", b.patchbay, "plugin", "install", m, "--yes", "--data-dir", dir); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// server is a data directory and a client key of it.
type server struct{ dir, key string }

// prepareServer makes the data directory of a sandboxed target.
func (b *bench) prepareServer(target string) error {
	module, provider, err := b.moduleOf(target)
	if err != nil {
		return err
	}
	dir, err := b.prepare("data-"+target, module)
	if err != nil {
		return err
	}
	secret := b.file("upstream.key")
	if err := os.WriteFile(secret, []byte(upstreamKey), 0o600); err != nil {
		return err
	}
	if _, err := b.output("", b.patchbay, "auth", "add", provider, "--label", "bench", "--data-dir", dir,
		"--models", benchModel, "--set", "base_url=http://"+b.upstream.Addr+"/v1", "--secret", "api_key=@"+secret); err != nil {
		return err
	}
	key, err := b.output("", b.patchbay, "key", "create", "--name", "bench", "--data-dir", dir)
	b.servers[target] = server{dir, key}
	return err
}

// moduleOf returns the plugin of a sandboxed target and the provider in it.
func (b *bench) moduleOf(target string) (module, provider string, err error) {
	if target == Sandboxed {
		return b.plugin, "openai-compatible", nil
	}
	if b.forms == "" {
		b.logf("building the plugin of envelopes and mapped events")
		forms := b.file("forms.wasm")
		if _, err := b.output(b.root, b.patchbay, "plugin", "build", "cmd/patchbay-dev/internal/bench/testdata/forms", "-o", forms); err != nil {
			return "", "", err
		}
		b.forms = forms
	}
	return b.forms, target, nil
}

// serve starts the server on a data directory.
func (b *bench) serve(dir string) (*child, error) {
	return b.spawn.start(b.ctx, role{
		Name: "command", Log: dir + ".log",
		Command: []string{b.patchbay, "serve", "--data-dir", dir, "--listen", "127.0.0.1:0"},
	})
}

// output runs a command to its end and returns what it printed.
func (b *bench) output(dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(b.ctx, name, args...)
	cmd.Dir = dir
	ownGroup(cmd)
	cmd.Cancel = func() error { killGroup(cmd.Process.Pid); return nil }
	cmd.Env = withoutSettings(os.Environ())
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if cause := context.Cause(b.ctx); cause != nil {
			return "", cause
		}
		return "", fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args[:min(len(args), 2)], " "), err, errs.String(), lastLines(out.String(), 20))
	}
	return strings.TrimSpace(out.String()), nil
}

// withoutSettings is the environment without what would configure a server.
func withoutSettings(environ []string) []string {
	var kept []string
	for _, v := range environ {
		if !strings.HasPrefix(v, "PATCHBAY_") {
			kept = append(kept, v)
		}
	}
	return kept
}

func lastLines(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
