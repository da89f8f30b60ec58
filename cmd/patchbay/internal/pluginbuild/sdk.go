package pluginbuild

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
)

// goVersion is the language version of the SDK; a test holds it to go.mod.
const goVersion = "1.26.0"

// source is one file of the SDK as authors get it.
type source struct {
	path string
	data []byte
}

// sdkSources returns the files of the module that authors build with, sorted
// by path: the packages without their tests, and a go.mod without
// requirements.
func sdkSources() ([]source, error) {
	files := []source{{"go.mod", []byte("module " + module + "\n\ngo " + goVersion + "\n")}}
	for _, pkg := range []struct {
		dir string
		fs  embed.FS
	}{{"abi", abi.Source}, {"sdk-guest", guest.Source}} {
		err := fs.WalkDir(pkg.fs, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			data, err := pkg.fs.ReadFile(path)
			files = append(files, source{pkg.dir + "/" + path, data})
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read the SDK in this binary: %w", err)
		}
	}
	slices.SortFunc(files, func(a, b source) int { return strings.Compare(a.path, b.path) })
	return files, nil
}

// unpackSDK writes the SDK to a directory of the cache that is named by its
// content, unless it is there, and returns the directory. It appears there
// complete or not at all, also when several builds run at once.
func unpackSDK(cache string) (string, error) {
	files, err := sdkSources()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, f := range files {
		fmt.Fprintf(sum, "%s %d\n", f.path, len(f.data))
		sum.Write(f.data)
	}
	cache, err = filepath.Abs(cache)
	if err != nil {
		return "", fmt.Errorf("find the cache %s: %w", cache, err)
	}
	root := filepath.Join(cache, "sdk")
	dir := filepath.Join(root, hex.EncodeToString(sum.Sum(nil)[:16]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := unpackAs(files, root, dir); err != nil {
		return "", fmt.Errorf("unpack the SDK into %s: %w", root, err)
	}
	return dir, nil
}

func unpackAs(files []source, root, dir string) error {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(root, ".unpack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	for _, f := range files {
		path := filepath.Join(temp, filepath.FromSlash(f.path))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.data, 0o600); err != nil {
			return err
		}
	}
	err = os.Rename(temp, dir)
	if _, there := os.Stat(dir); there == nil {
		return nil // perhaps another build's, with the same content
	}
	return err
}
