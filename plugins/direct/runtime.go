package direct

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/patchbay-dev/patchbay/abi"
)

// maxCachedLoads is how many modules are read from the disk cache at a time.
const maxCachedLoads = 2

// Runtime compiles modules. It is safe for concurrent use: one module is
// compiled at a time, and two are read from the disk cache at a time.
type Runtime struct {
	dir   string
	cache wazero.CompilationCache
	// now is the clock of deadlines and of the log's rate, in nanoseconds.
	now func() int64

	// compile is held by whoever takes all of slots.
	compile sync.Mutex
	slots   chan struct{}
}

// NewRuntime makes a runtime with a compile cache in cacheDir, which is
// created with mode 0700 if it is not there. Code is read from it and run, so
// a directory that others can write is refused. wazero keeps versions of
// itself apart in it.
func NewRuntime(cacheDir string) (*Runtime, error) {
	if err := os.MkdirAll(filepath.Join(cacheDir, knownDir), 0o700); err != nil {
		return nil, fmt.Errorf("make the compile cache: %w", err)
	}
	info, err := os.Stat(cacheDir)
	if err != nil {
		return nil, fmt.Errorf("look at the compile cache: %w", err)
	}
	if openToWrite(info.Mode()) {
		return nil, fmt.Errorf("compile cache %s can be written by others (mode %v); run: chmod 700 %s", cacheDir, info.Mode().Perm(), cacheDir)
	}
	cache, err := wazero.NewCompilationCacheWithDir(cacheDir)
	if err != nil {
		return nil, fmt.Errorf("open the compile cache: %w", err)
	}
	return &Runtime{dir: cacheDir, cache: cache, now: now, slots: make(chan struct{}, maxCachedLoads)}, nil
}

// Close releases the compiled code. Modules must be closed before.
func (r *Runtime) Close(ctx context.Context) error { return r.cache.Close(ctx) }

// Compile puts wasm, as rewritten by plugins/meter, into the disk cache
// without running any of it.
func (r *Runtime) Compile(ctx context.Context, wasm []byte) error {
	rt := r.newRuntime(ctx, maxPages)
	compiled, err := r.compileModule(ctx, rt, wasm)
	if err == nil {
		err = compiled.Close(ctx) // rt keeps it otherwise, for others of its cache
	}
	return errors.Join(err, rt.Close(ctx))
}

// maxPages is the most memory that an operator can give an instance: 1 GiB. A
// single instruction of a guest may work on all of it without a check.
const maxPages = 1 << 30 / abi.PageSize

func (r *Runtime) newRuntime(ctx context.Context, pages uint32) wazero.Runtime {
	return wazero.NewRuntimeWithConfig(ctx, r.config(pages))
}

func (r *Runtime) config(pages uint32) wazero.RuntimeConfig {
	return wazero.NewRuntimeConfigCompiler().
		WithCoreFeatures(api.CoreFeaturesV2).
		WithMemoryLimitPages(pages).
		WithCloseOnContextDone(false).
		WithDebugInfoEnabled(false).
		WithCompilationCache(r.cache)
}

// compileModule compiles, or reads from the disk cache. A damaged cache is
// emptied, since wazero would refuse the module for ever.
func (r *Runtime) compileModule(ctx context.Context, rt wazero.Runtime, wasm []byte) (wazero.CompiledModule, error) {
	marker := r.marker(wasm)
	release, err := r.admit(ctx, marker)
	if err != nil {
		return nil, fmt.Errorf("wait for another module to be compiled: %w", err)
	}
	defer release()
	compiled, err := compileGuarded(ctx, rt, wasm)
	if err != nil && strings.HasPrefix(err.Error(), "compilationcache:") {
		if err := r.emptyCache(); err != nil {
			return nil, err
		}
		compiled, err = compileGuarded(ctx, rt, wasm)
	}
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	// The marker only says that the next load is likely a short one.
	_ = os.WriteFile(marker, nil, 0o600)
	return compiled, nil
}

// compileGuarded keeps a panic of the compiler from ending the process: what
// it compiles is foreign. So it compiles on this goroutine alone: a panic on one
// of the engine's workers could not be caught.
func compileGuarded(ctx context.Context, rt wazero.Runtime, wasm []byte) (compiled wazero.CompiledModule, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the compiler gave up: %v", p)
		}
	}()
	return rt.CompileModule(ctx, wasm)
}

const knownDir = "known"

// marker is the file that says that wasm was compiled into this cache once.
func (r *Runtime) marker(wasm []byte) string {
	sum := sha256.Sum256(wasm)
	return filepath.Join(r.dir, knownDir, hex.EncodeToString(sum[:]))
}

// admit waits for the right to compile, or to read from the disk cache.
func (r *Runtime) admit(ctx context.Context, marker string) (release func(), err error) {
	need := 1
	if _, err := os.Stat(marker); err != nil {
		r.compile.Lock()
		defer r.compile.Unlock()
		need = maxCachedLoads
	}
	for got := range need {
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
			r.release(got)
			return nil, ctx.Err()
		}
	}
	return func() { r.release(need) }, nil
}

func (r *Runtime) release(n int) {
	for range n {
		<-r.slots
	}
}

func (r *Runtime) emptyCache() error {
	entries, err := filepath.Glob(filepath.Join(r.dir, "wazero-*", "*"))
	if err != nil {
		return fmt.Errorf("empty the damaged compile cache: %w", err)
	}
	for _, entry := range entries {
		if err := os.Remove(entry); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("empty the damaged compile cache: %w", err)
		}
	}
	return nil
}
