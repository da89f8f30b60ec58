package pluginbuild

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/plugins"
	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// Pack puts a manifest into a module that any toolchain built, and writes the
// plugin file out, which may be in itself. A module that this binary would
// refuse to load is an error, and out stays as it was.
func Pack(in, manifest, out string) error {
	data, err := readManifest(manifest)
	if err != nil {
		return err
	}
	wasm, err := os.ReadFile(in)
	if err != nil {
		return fmt.Errorf("read the module: %w", err)
	}
	_, _, err = pack(wasm, data, out)
	return err
}

func pack(wasm, manifest []byte, out string) (sum string, size int, err error) {
	packed, err := meter.WithCustom(wasm, abi.ManifestSection, manifest)
	if err != nil {
		return "", 0, fmt.Errorf("put the manifest into the module: %w", err)
	}
	info, err := plugins.Inspect(packed)
	if err != nil {
		return "", 0, fmt.Errorf("the module can not be loaded: %w", err)
	}
	if len(info.Problems) > 0 {
		return "", 0, fmt.Errorf("the module would be refused: %s", strings.Join(info.Problems, "; "))
	}
	if err := replaceFile(out, packed); err != nil {
		return "", 0, fmt.Errorf("write the plugin %s: %w", out, err)
	}
	hash := sha256.Sum256(packed)
	return hex.EncodeToString(hash[:]), len(packed), nil
}

// replaceFile writes path in one step: a reader sees the old file or the new.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
