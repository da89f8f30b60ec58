// Package wasmcache spares tests of compiled guests the time of building and
// compiling them: one compile cache on the machine, filled by a command that is
// built without the race detector. Under it wazero takes ten times as long (a
// Go guest: 24 s).
package wasmcache

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Env names the environment variable that says where the cache is.
const Env = "PATCHBAY_TEST_CACHE"

const wazero = "github.com/tetratelabs/wazero"

// Dir returns the compile cache that all tests share: $PATCHBAY_TEST_CACHE, or
// a directory in the user's cache. Give it to plugins.Options.CacheDir. It
// panics when there is no such place.
func Dir() string {
	dir, err := cacheDir()
	if err != nil {
		panic(err)
	}
	return dir
}

var cacheDir = sync.OnceValues(func() (string, error) {
	dir := os.Getenv(Env)
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			base = os.TempDir()
		}
		dir = filepath.Join(base, "patchbay-test")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the test cache: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the test cache; set %s to a place that can be written: %w", Env, err)
	}
	return dir, nil
})

// guests holds what BuildGuest built in this process, by directory.
var guests sync.Map

// BuildGuest builds the Go package in dir, which may be under testdata, as a
// guest, once in a process. The go command's own cache does the rest.
func BuildGuest(t testing.TB, dir string) []byte {
	t.Helper()
	wasm, err := Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// Build is BuildGuest for where there is no test, such as TestMain.
func Build(dir string) ([]byte, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	build, _ := guests.LoadOrStore(dir, sync.OnceValues(func() ([]byte, error) { return build(dir) }))
	return build.(func() ([]byte, error))()
}

func build(dir string) ([]byte, error) {
	temp, err := os.MkdirTemp("", "patchbay-guest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	out := filepath.Join(temp, "guest.wasm")
	args := []string{"build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", out}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
		modfile, err := withThisTree(dir, temp)
		if err != nil {
			return nil, err
		}
		args = append(args, "-modfile="+modfile, "-mod=mod")
	}
	cmd := exec.Command("go", append(args, ".")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the guest in %s: %w\n%s", dir, err, text)
	}
	return os.ReadFile(out)
}

// withThisTree writes the module file of a guest that is a module of its own, so
// that it is built with the SDK of this tree, and returns where it is.
func withThisTree(dir, temp string) (string, error) {
	const module = "github.com/patchbay-dev/patchbay"
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("find the tree of %s: %w", module, err)
	}
	tree := strings.TrimSpace(string(root))
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return "", err
	}
	sums, err := os.ReadFile(filepath.Join(tree, "go.sum"))
	if err != nil {
		return "", err
	}
	modfile := filepath.Join(temp, "go.mod")
	return modfile, errors.Join(
		os.WriteFile(modfile, append(text, "\nreplace "+module+" => "+strconv.Quote(tree)+"\n"...), 0o600),
		os.WriteFile(filepath.Join(temp, "go.sum"), sums, 0o600))
}

// Warm compiles modules, as the host rewrites them, into Dir, in a process
// without the race detector. What is there already costs little.
func Warm(t testing.TB, wasm ...[]byte) {
	t.Helper()
	if err := WarmAll(wasm...); err != nil {
		t.Fatal(err)
	}
}

// WarmAll is Warm for where there is no test, such as TestMain.
func WarmAll(wasm ...[]byte) error {
	dir, err := cacheDir()
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "patchbay-warm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	var files []string
	for i, w := range wasm {
		file := filepath.Join(temp, strconv.Itoa(i)+".wasm")
		if err := os.WriteFile(file, w, 0o600); err != nil {
			return err
		}
		files = append(files, file)
	}
	return warm(dir, files)
}

func warm(dir string, files []string) error {
	// wazero keeps versions of itself apart in its cache. A test does not know
	// its version and says dev; the command must say the same.
	args := []string{"run", "-ldflags=-X " + wazero + "/internal/version.version=" + version(),
		"github.com/patchbay-dev/patchbay/host/testkit/wasmcache/warm", "-cache", dir}
	cmd := exec.Command("go", append(args, files...)...)
	cmd.Env = os.Environ()
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Run(); err != nil {
		return errors.Join(fmt.Errorf("warm the compile cache: %w", err), errors.New(strings.TrimSpace(text.String())))
	}
	return nil
}

// version is what wazero takes for its version in this process.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == wazero && dep.Version != "" {
				return dep.Version
			}
		}
	}
	return "dev"
}
