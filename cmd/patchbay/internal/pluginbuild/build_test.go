package pluginbuild

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/plugins"
)

const examples = "../../../../examples/"

// TestAnExampleBuildsWithoutAnyModuleProxy builds both examples as a stranger
// would, with an empty module cache and no network.
func TestAnExampleBuildsWithoutAnyModuleProxy(t *testing.T) {
	for _, name := range []string{"echo", "openai-compatible"} {
		t.Run(name, func(t *testing.T) {
			before := snapshot(t, examples+name)
			wasm, stdout := build(t, name)
			if after := snapshot(t, examples+name); !cmp.Equal(before, after) {
				t.Errorf("the author's files changed: %s", cmp.Diff(before, after))
			}
			info, err := plugins.Inspect(wasm)
			if err != nil {
				t.Fatal(err)
			}
			if info.Manifest == nil || info.Manifest.ID != name || len(info.Problems) > 0 {
				t.Errorf("manifest %v, problems %q", info.Manifest, info.Problems)
			}
			var exports []string
			for _, e := range info.Exports {
				exports = append(exports, e.Name)
			}
			want := []string{"memory", "patchbay_abi_1", "patchbay_buffer", "patchbay_call", "_initialize"}
			for _, e := range want {
				if !strings.Contains(strings.Join(exports, " "), e) {
					t.Errorf("exports are %q, without %s", exports, e)
				}
			}
			for _, say := range []string{info.SHA256, "patchbay plugin install ", "patchbay v-test", "MiB"} {
				if !strings.Contains(stdout, say) {
					t.Errorf("it says %q, without %q", stdout, say)
				}
			}
		})
	}
}

// build builds an example offline. Go's build cache makes the second time
// cheap.
func build(t *testing.T, name string) (wasm []byte, stdout string) {
	t.Helper()
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOFLAGS", "-modcacherw")
	out := filepath.Join(t.TempDir(), name+".wasm")
	var told, complained bytes.Buffer
	err := Build(t.Context(), Options{
		Dir: examples + name, Out: out, CacheDir: t.TempDir(),
		Stdout: &told, Stderr: &complained, Version: "v-test",
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, complained.String())
	}
	wasm, err = os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), ".*")); len(left) > 0 {
		t.Errorf("temporary files are left: %q", left)
	}
	return wasm, told.String()
}

func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(data)
	}
	return files
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	manifest, err := os.ReadFile(examples + "echo/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	const mod = "module example.com/x\n\ngo 1.26.0\n"
	for name, c := range map[string]struct {
		files map[string]string
		path  string
		want  []string
	}{
		"no manifest":   {map[string]string{"go.mod": mod}, "", []string{"manifest.json", "what it provides"}},
		"not JSON":      {map[string]string{"go.mod": mod, "manifest.json": "{"}, "", []string{"manifest.json", "JSON"}},
		"bad manifest":  {map[string]string{"go.mod": mod, "manifest.json": `{"id":"x"}`}, "", []string{"manifest.json"}},
		"no go.mod":     {map[string]string{"manifest.json": string(manifest)}, "", []string{"go mod init"}},
		"no toolchain":  {map[string]string{"go.mod": mod, "manifest.json": string(manifest)}, "empty", []string{"PATH", "install Go"}},
		"broken go.mod": {map[string]string{"go.mod": "modul x", "manifest.json": string(manifest)}, "", []string{"go.mod can not be used", "modul"}},
		"compile error": {map[string]string{"go.mod": mod, "manifest.json": string(manifest), "main.go": "package main\n\nfunc main() { undefinedName() }\n"}, "",
			[]string{"go build", "undefinedName"}},
		"not a plugin": {map[string]string{"go.mod": mod, "manifest.json": string(manifest), "main.go": "package main\n\nfunc main() {}\n"}, "",
			[]string{"refused", "patchbay_"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range c.files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if c.path != "" {
				t.Setenv("PATH", filepath.Join(dir, c.path))
			}
			t.Setenv("GOPROXY", "off")
			out := filepath.Join(t.TempDir(), "x.wasm")
			err := Build(t.Context(), Options{Dir: dir, Out: out, CacheDir: t.TempDir()})
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error is %q, without %q", err, want)
				}
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("a file was written")
			}
		})
	}
}

func TestAReplaceOfTheAuthorGivesWay(t *testing.T) {
	dir, work := t.TempDir(), t.TempDir()
	const text = "module example.com/x\n\ngo 1.26.0\n\nrequire " + module + " v0.0.0\n\nreplace (\n\t" + module +
		" => ../nowhere\n\t" + module + " v0.0.0 => ../elsewhere\n\texample.com/y => ../y\n)\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), []byte("sums\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	modfile := filepath.Join(work, "go.mod")
	if err := writeModfile(t.Context(), dir, modfile, "/a path/with@sign"); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "mod", "edit", "-json", modfile).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"nowhere", "elsewhere"} {
		if bytes.Contains(out, []byte(gone)) {
			t.Errorf("%s is still there: %s", gone, out)
		}
	}
	for _, kept := range []string{"../y", "/a path/with@sign", `"v0.0.0"`} {
		if !bytes.Contains(out, []byte(kept)) {
			t.Errorf("%s is not there: %s", kept, out)
		}
	}
	if sums, err := os.ReadFile(filepath.Join(work, "go.sum")); err != nil || string(sums) != "sums\n" {
		t.Errorf("go.sum is %q, %v", sums, err)
	}
}

func TestACanceledBuildEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Build(ctx, Options{Dir: examples + "echo", Out: filepath.Join(t.TempDir(), "x.wasm"), CacheDir: t.TempDir()})
	if err == nil {
		t.Fatal("no error")
	}
}

func TestPackRefusesWhatTheHostWouldRefuse(t *testing.T) {
	dir := t.TempDir()
	manifest := examples + "echo/manifest.json"
	out := filepath.Join(dir, "out.wasm")
	for name, wasm := range map[string]string{
		"no module":    "hello",
		"empty module": "\x00asm\x01\x00\x00\x00",
	} {
		in := filepath.Join(dir, "in.wasm")
		if err := os.WriteFile(in, []byte(wasm), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Pack(in, manifest, out); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: a file was written", name)
		}
	}
}

func TestPackReplacesTheManifest(t *testing.T) {
	wasm, _ := build(t, "echo")
	file := filepath.Join(t.TempDir(), "echo.wasm")
	if err := os.WriteFile(file, wasm, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Pack(file, examples+"echo/manifest.json", file); err != nil {
		t.Fatal(err)
	}
	again, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(wasm, again) {
		t.Error("packing the same manifest again changed the file")
	}
}
