// Command warm compiles modules into a compile cache, as the plugin host would.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/patchbay-dev/patchbay/plugins"
)

func main() {
	cache := flag.String("cache", "", "the compile cache")
	flag.Parse()
	if err := run(context.Background(), *cache, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cache string, files []string) (err error) {
	host, err := plugins.NewHost(ctx, plugins.Options{Dir: filepath.Join(cache, "modules"), CacheDir: cache})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, host.Close(ctx)) }()
	for _, file := range files {
		wasm, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := host.Compile(ctx, wasm); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}
