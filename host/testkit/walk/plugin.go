// Package walk drives one plugin from end to end: a module in the sandbox,
// built by the real toolchain, behind the driver and the manager, and a scripted
// upstream that stands for any host of the internet.
package walk

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/testkit/wasmcache"
	"github.com/patchbay-dev/patchbay/plugins"
	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// Warm builds the guests in dirs and puts their code into the compile cache,
// all in one go. Call it from TestMain: under the race detector each would
// take a minute otherwise.
func Warm(dirs ...string) error {
	var all [][]byte
	for _, dir := range dirs {
		wasm, err := packed(dir, nil)
		if err != nil {
			return err
		}
		all = append(all, wasm)
	}
	return wasmcache.WarmAll(all...)
}

// packed builds the guest in dir and puts the manifest beside it into it, with
// what change makes of that.
func packed(dir string, change func([]byte) []byte) ([]byte, error) {
	wasm, err := wasmcache.Build(dir)
	if err != nil {
		return nil, err
	}
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return nil, err
	}
	if change != nil {
		manifest = change(manifest)
	}
	return meter.WithCustom(wasm, abi.ManifestSection, manifest)
}

// Load builds and loads the guest in dir with a configuration, which may be
// nil; change may set more of its host's options. The test closes it.
func Load(t testing.TB, dir string, config json.RawMessage, change ...func(*plugins.Options)) *plugins.Plugin {
	t.Helper()
	p, err := TryLoad(t, dir, config, change...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TryLoad is Load for a plugin that may be refused.
func TryLoad(t testing.TB, dir string, config json.RawMessage, change ...func(*plugins.Options)) (*plugins.Plugin, error) {
	t.Helper()
	wasm, err := packed(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return LoadModule(t, wasm, config, change...)
}

// TryLoadWith is TryLoad with another manifest, which change makes of the one
// that stands beside the guest.
func TryLoadWith(t testing.TB, dir string, change func(manifest []byte) []byte, options ...func(*plugins.Options)) (*plugins.Plugin, error) {
	t.Helper()
	wasm, err := packed(dir, change)
	if err != nil {
		t.Fatal(err)
	}
	return LoadModule(t, wasm, nil, options...)
}

// LoadModule is TryLoad for a module with its manifest.
func LoadModule(t testing.TB, wasm []byte, config json.RawMessage, change ...func(*plugins.Options)) (*plugins.Plugin, error) {
	t.Helper()
	o := plugins.Options{
		Dir: t.TempDir(), CacheDir: wasmcache.Dir(), HostVersion: "0.0.0-walk", Instances: 2,
		Log: func(plugin string, _ abi.LogLevel, line string) { t.Logf("%s: %s", plugin, line) },
	}
	for _, c := range change {
		c(&o)
	}
	h, err := plugins.NewHost(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.Load(t.Context(), wasm, config)
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return p, err
}
