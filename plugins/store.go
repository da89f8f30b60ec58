package plugins

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
)

// Locked is what the operator pinned when a plugin was installed. Its keeper
// is the sealed store.
type Locked struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	// SHA256 of the file, in hex.
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	// Manifest as it was shown.
	Manifest    json.RawMessage `json:"manifest"`
	InstalledAt time.Time       `json:"installed_at"`
	// Granted is what the operator accepted.
	Granted Grant `json:"granted"`
}

// Lock returns what is pinned when an operator accepts all that info asks for.
func Lock(info *Info, at time.Time) Locked {
	return Locked{
		ID: info.Manifest.ID, Version: info.Manifest.Version,
		SHA256: info.SHA256, Size: info.Size,
		Manifest: info.RawManifest, InstalledAt: at, Granted: info.Asks,
	}
}

func hashOf(wasm []byte) string {
	sum := sha256.Sum256(wasm)
	return hex.EncodeToString(sum[:])
}

// fileOf returns where a module with this hash is kept. A hash that is none
// would name another file.
func (h *Host) fileOf(sha string) (string, error) {
	if len(sha) != sha256.Size*2 || strings.Trim(sha, "0123456789abcdef") != "" {
		return "", refuse("the lock names no SHA-256 hash; install the plugin again")
	}
	return filepath.Join(h.opts.Dir, sha+".wasm"), nil
}

// Store writes a module into the plugin directory as SHA256.wasm, with mode
// 0600, so that after a crash the file is there whole or not at all. Storing
// what is there already changes nothing.
func (h *Host) Store(wasm []byte) (sha string, err error) {
	sha = hashOf(wasm)
	file, err := h.fileOf(sha)
	if err != nil {
		return "", err
	}
	if there, err := readModule(file); err == nil && hashOf(there) == sha {
		return sha, nil
	}
	if err := writeFile(file, wasm); err != nil {
		return "", fmt.Errorf("store plugin %s: %w", file, err)
	}
	return sha, nil
}

// Prune deletes the modules that nobody pins any more, and what a crash left half
// written. It touches nothing else in the plugin directory. A loaded plugin does
// not need its file.
func (h *Host) Prune(pinned []Locked) error {
	entries, err := os.ReadDir(h.opts.Dir)
	if err != nil {
		return fmt.Errorf("look for plugins that are not used: %w", err)
	}
	var errs []error
	for _, e := range entries {
		sha, module := strings.CutSuffix(e.Name(), ".wasm")
		if _, err := h.fileOf(sha); module && err != nil || !module && !strings.HasPrefix(e.Name(), tempPrefix) {
			continue
		}
		if !slices.ContainsFunc(pinned, func(l Locked) bool { return l.SHA256 == sha }) {
			errs = append(errs, os.Remove(filepath.Join(h.opts.Dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// tempPrefix begins the names of files that are being written.
const tempPrefix = ".new-"

// writeFile replaces a file atomically and durably.
func writeFile(file string, data []byte) (err error) {
	dir := filepath.Dir(file)
	temp, err := os.CreateTemp(dir, tempPrefix+"*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp.Name()))
		}
	}()
	_, err = temp.Write(data)
	// Windows renames no open file.
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err = os.Rename(temp.Name(), file); err != nil {
		return err
	}
	return syncDir(dir)
}

// readModule reads a file once, and no more of it than a module may have.
func readModule(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, abi.MaxModule+1))
	if err != nil {
		return nil, err
	}
	if len(data) > abi.MaxModule {
		return nil, refuse("the file is larger than %d MiB", abi.MaxModule>>20)
	}
	return data, nil
}
