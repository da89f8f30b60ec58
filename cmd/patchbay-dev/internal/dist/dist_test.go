package dist

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	release = Release{Version: "v1.2.3", Time: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	here    = Platform{OS: runtime.GOOS, Arch: runtime.GOARCH}
)

// TestTheSameSourceGivesTheSameBytes builds a release, and the binary once more
// in another place. That archives come out the same is tested below.
func TestTheSameSourceGivesTheSameBytes(t *testing.T) {
	files := build(t, copyOfRepository(t))
	if len(files) != 3 {
		t.Fatalf("a release of one platform has the files %v", slices.Sorted(maps.Keys(files)))
	}
	name := fmt.Sprintf("patchbay_v1.2.3_%s_%s", here.OS, here.Arch)
	checkSums(t, files)
	binary := checkFiles(t, name, unpacked(t, name+extension(here), files[name+extension(here)]))
	checkBOM(t, files[name+".cdx.json"], binary)

	again := filepath.Join(t.TempDir(), "patchbay")
	if err := compile(t.Context(), Options{Root: copyOfRepository(t), Release: release}, here, again); err != nil {
		t.Fatal(err)
	}
	second, err := readBinary(again)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(binary, second.data) {
		t.Error("the binary is another each time")
	}
}

func build(t *testing.T, root string) map[string][]byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "dist")
	var progress bytes.Buffer
	if err := Build(t.Context(), Options{Root: root, Out: out, Release: release, Platforms: []Platform{here}, Progress: &progress}); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		path := filepath.Join(out, e.Name())
		if files[e.Name()], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(progress.String(), path+"\n") {
			t.Errorf("progress does not tell of %s", path)
		}
	}
	return files
}

// copyOfRepository copies what a release is made of.
func copyOfRepository(t *testing.T) string {
	t.Helper()
	from, to := filepath.Join("..", "..", "..", ".."), t.TempDir()
	for _, name := range []string{"go.mod", "go.sum", "LICENSE", "README.md"} {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"abi", "sdk-guest", "host", "plugins", "builtin", "boltstore", "cmd"} {
		if err := os.CopyFS(filepath.Join(to, dir), os.DirFS(filepath.Join(from, dir))); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func checkSums(t *testing.T, files map[string][]byte) {
	t.Helper()
	var want []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if name != sumsName {
			want = append(want, fmt.Sprintf("%x  %s", sha256.Sum256(files[name]), name))
		}
	}
	if diff := cmp.Diff(strings.Join(want, "\n")+"\n", string(files[sumsName])); diff != "" {
		t.Errorf("checksums (-want +got):\n%s", diff)
	}
}

// checkFiles looks into an archive and returns the binary.
func checkFiles(t *testing.T, top string, files map[string]entry) []byte {
	t.Helper()
	program := "patchbay"
	if here.OS == "windows" {
		program += ".exe"
	}
	want := []string{top + "/LICENSE", top + "/README.md", top + "/THIRD_PARTY_LICENSES.txt", top + "/" + program}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(files))); diff != "" {
		t.Fatalf("the archive's files (-want +got):\n%s", diff)
	}
	for name, e := range files {
		if !e.at.Equal(release.Time) {
			t.Errorf("%s is of %s, not of the commit", name, e.at)
		}
		if runs := e.mode&0o111 != 0; runs != (name == top+"/"+program) {
			t.Errorf("%s has the mode %#o", name, e.mode)
		}
	}
	licences := string(files[top+"/THIRD_PARTY_LICENSES.txt"].data)
	for _, say := range []string{"Go go1.", "github.com/tetratelabs/wazero v", "go.etcd.io/bbolt v", "Permission is hereby granted"} {
		if !strings.Contains(licences, say) {
			t.Errorf("the licences do not hold %q", say)
		}
	}
	return files[top+"/"+program].data
}

func checkBOM(t *testing.T, raw, binary []byte) {
	t.Helper()
	var b bom
	if err := json.Unmarshal(raw, &b); err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	if c := b.Metadata.Component; c.Version != "v1.2.3" || c.Hashes[0].Content != fmt.Sprintf("%x", sha256.Sum256(binary)) {
		t.Errorf("the bill is about %+v", c)
	}
	if b.Metadata.Timestamp != "2026-03-04T05:06:07Z" || b.Format != "CycloneDX" || b.SpecVersion != "1.6" {
		t.Errorf("%+v", b)
	}
	var got, want []string
	refs := map[string]bool{}
	for _, c := range b.Components {
		got = append(got, c.Name+"@"+c.Version)
		if refs[c.Ref] || c.PURL == "" || c.Type != "library" {
			t.Errorf("component %+v", c)
		}
		refs[c.Ref] = true
	}
	want = append(want, "std@"+strings.TrimPrefix(info.GoVersion, "go"))
	for _, m := range info.Deps {
		want = append(want, m.Path+"@"+m.Version)
	}
	if diff := cmp.Diff(want, got); diff != "" || len(got) < 10 {
		t.Errorf("components (-binary +bill):\n%s", diff)
	}
	for _, s := range info.Settings {
		if s.Key == "CGO_ENABLED" && s.Value != "0" || s.Key == "-trimpath" && s.Value != "true" {
			t.Errorf("built with %s=%s", s.Key, s.Value)
		}
	}
}

// entry is what was found in an archive.
type entry struct {
	mode int64
	at   time.Time
	data []byte
}

func unpacked(t *testing.T, name string, data []byte) map[string]entry {
	t.Helper()
	files := map[string]entry{}
	if strings.HasSuffix(name, ".zip") {
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			files[f.Name] = entry{int64(f.Mode()), f.Modified, readAll(t, r)}
		}
		return files
	}
	g, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(g); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = entry{h.Mode, h.ModTime, readAll(t, r)}
	}
}

func readAll(t *testing.T, r io.Reader) []byte {
	t.Helper()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestBothArchivesHoldWhatWasPutIn(t *testing.T) {
	files := []file{{"LICENSE", 0o644, []byte("do what you want")}, {"patchbay", 0o755, bytes.Repeat([]byte("x"), 1<<16)}}
	for _, p := range []Platform{{"linux", "amd64"}, {"windows", "arm64"}} {
		var made [2][]byte
		for i := range made {
			name := filepath.Join(t.TempDir(), "a"+extension(p))
			if err := writeArchive(name, "top", files, release.Time); err != nil {
				t.Fatal(err)
			}
			var err error
			if made[i], err = os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(made[0], made[1]) {
			t.Errorf("%s: another archive each time", p)
		}
		got := unpacked(t, "a"+extension(p), made[0])
		for _, f := range files {
			e := got["top/"+f.name]
			if !bytes.Equal(e.data, f.data) || e.mode != int64(f.mode) || !e.at.Equal(release.Time) {
				t.Errorf("%s: %s has %d bytes, mode %#o, time %s", p, f.name, len(e.data), e.mode, e.at)
			}
		}
	}
}

func TestAReleaseIsNotMixedWithAnOldOne(t *testing.T) {
	out := t.TempDir()
	if err := os.WriteFile(filepath.Join(out, "old"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := Build(t.Context(), Options{Root: t.TempDir(), Out: out, Release: release})
	if err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("%v", err)
	}
	if err := Build(t.Context(), Options{Root: t.TempDir(), Release: release}); err == nil || !strings.Contains(err.Error(), "--out") {
		t.Errorf("no directory: %v", err)
	}
}

func TestWhatCannotBeBuiltLeavesNoChecksums(t *testing.T) {
	out := filepath.Join(t.TempDir(), "dist")
	err := Build(t.Context(), Options{Root: t.TempDir(), Out: out, Release: release, Platforms: []Platform{here}})
	if err == nil || !strings.Contains(err.Error(), here.String()) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(out, sumsName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("checksums of a failed release: %v", err)
	}
}

func TestAModuleWithoutALicenceIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := appendLicences(new(bytes.Buffer), "example.com/m v1.0.0", dir); err == nil || !strings.Contains(err.Error(), "example.com/m v1.0.0") {
		t.Errorf("%v", err)
	}
	for name, want := range map[string]bool{
		"LICENSE": true, "LICENSE.txt": true, "license.md": true, "COPYING": true, "NOTICE": true, "LICENSE-MIT": true, "LICENCE": true, "PATENTS": true,
		"licenses.go": false, "README.md": false, "license_test.go": false, "unlicensed": false,
	} {
		if got := licenceFile.MatchString(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestDescribeNeedsARepository(t *testing.T) {
	if _, err := Describe(t.Context(), t.TempDir()); err == nil {
		t.Error("an empty directory has a version")
	}
	if !(Release{Version: "v1-3-gabc-dirty"}).Dirty() || (Release{Version: "v1"}).Dirty() {
		t.Error("what is dirty is not seen")
	}
}
