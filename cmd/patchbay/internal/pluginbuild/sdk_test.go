package pluginbuild

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestTheSDKHasTheSameGoVersion(t *testing.T) {
	mod, err := os.ReadFile("../../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), "\ngo "+goVersion+"\n") {
		t.Errorf("go.mod of the module does not say go %s", goVersion)
	}
}

func TestTheSDKIsCompleteAndWithoutTests(t *testing.T) {
	dir, err := unpackSDK(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range []string{"abi", "sdk-guest", "sdk-guest/jsonspan", "sdk-guest/openai"} {
		here, err := filepath.Glob(filepath.Join("../../../..", pkg, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range here {
			_, err := os.Stat(filepath.Join(dir, pkg, filepath.Base(file)))
			if test := strings.HasSuffix(file, "_test.go"); test == (err == nil) {
				t.Errorf("%s/%s: unpacked is %v", pkg, filepath.Base(file), err == nil)
			}
		}
	}
	// The native side is there too, for authors' own tests.
	cmd := exec.Command("go", "vet", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
}

func TestBuildsAtTheSameTimeShareOneSDK(t *testing.T) {
	cache := t.TempDir()
	dirs := make([]string, 8)
	var wg sync.WaitGroup
	for i := range dirs {
		wg.Go(func() {
			dir, err := unpackSDK(cache)
			if err != nil {
				t.Error(err)
			}
			dirs[i] = dir
		})
	}
	wg.Wait()
	for _, dir := range dirs {
		if dir != dirs[0] {
			t.Errorf("%s is not %s", dir, dirs[0])
		}
	}
	left, err := os.ReadDir(filepath.Join(cache, "sdk"))
	if err != nil || len(left) != 1 {
		t.Errorf("the cache holds %v, %v", left, err)
	}
}

// TestGuestsNeedNoOtherModule holds that what a plugin is made of comes from
// this module and the standard library alone.
func TestGuestsNeedNoOtherModule(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}",
		module+"/abi", module+"/sdk-guest", module+"/sdk-guest/openai", module+"/sdk-guest/jsonspan")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	paths := strings.Fields(string(out))
	if len(paths) != 4 {
		t.Errorf("packages are %q", paths)
	}
	for _, path := range paths {
		if path != module && !strings.HasPrefix(path, module+"/") {
			t.Errorf("%s is of another module", path)
		}
	}
}
