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
	// Tried: the version has done well for its first minute. One that has not
	// goes back to Previous when it faults.
	Tried bool `json:"tried,omitempty"`
	// Previous is the version that served before, and Pending the update that
	// waits for a grant: its Granted is empty. Neither has these two itself.
	Previous *Locked `json:"previous,omitempty"`
	Pending  *Locked `json:"pending,omitempty"`
	// RolledBack is the version that this one came back for.
	RolledBack *RolledBack `json:"rolled_back,omitempty"`
}

// RolledBack is a version that faulted at once, and was taken out.
type RolledBack struct {
	Version string    `json:"version"`
	SHA256  string    `json:"sha256"`
	At      time.Time `json:"at"`
	// Reason is one line: what it did.
	Reason string `json:"reason"`
}

// alone is a version without its neighbours.
func (l Locked) alone() *Locked {
	l.Previous, l.Pending, l.RolledBack = nil, nil, nil
	return &l
}

// Follow is what is pinned when next, whose grant is settled, takes over.
func (l Locked) Follow(next Locked) Locked {
	next.Previous = l.alone()
	return next
}

// Offer is what is pinned when next has to wait for a grant.
func (l Locked) Offer(next Locked) Locked {
	next.Granted = Grant{}
	l.Pending = next.alone()
	return l
}

// GoBack is what is pinned when a version failed its trial. It reports false
// when there is none to go back to.
func (l Locked) GoBack(at time.Time, reason string) (Locked, bool) {
	if l.Previous == nil {
		return l, false
	}
	back := *l.Previous
	back.Tried, back.Pending = true, l.Pending
	back.RolledBack = &RolledBack{Version: l.Version, SHA256: l.SHA256, At: at, Reason: reason}
	return back, true
}

// Refuses says why a module may not take this one's place, or nothing: it is
// older, or it failed its trial. An operator can insist.
func (l Locked) Refuses(info *Info) string {
	if r := l.RolledBack; r != nil && r.SHA256 == info.SHA256 {
		return fmt.Sprintf("this very file was tried and rolled back at %s: %s", r.At.UTC().Format(time.RFC3339), r.Reason)
	}
	if older(info.Manifest.Version, l.Version) {
		return fmt.Sprintf("it is version %s, older than the installed %s", info.Manifest.Version, l.Version)
	}
	return ""
}

// keeps reports whether the lock has use for a file.
func (l Locked) keeps(sha string) bool {
	return l.SHA256 == sha || l.Previous != nil && l.Previous.SHA256 == sha || l.Pending != nil && l.Pending.SHA256 == sha
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
		if !slices.ContainsFunc(pinned, func(l Locked) bool { return l.keeps(sha) }) {
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
