package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/plugins"
	"github.com/patchbay-dev/patchbay/plugins/conformance"
)

func pluginTest(g *global) *cobra.Command {
	var recordings string
	c := &cobra.Command{
		Use:   "test F.wasm",
		Short: "Hold a plugin against the contract, without a server or a network",
		Long: `Run a plugin, in whatever language it is written, against the contract: every op
that it declares, golden vectors, truncated and hostile inputs. Each case runs on
an instance that has served before and on a fresh one, which must give the same
bytes; events are batched in every way, which must give the same output.

The .json files of a folder testdata beside the module are recorded exchanges with
the real upstream; docs/plugins.md shows one. The plugin's own configuration is
that of the configuration file. Nothing is sent.`,
		Example: `  patchbay plugin test provider.wasm
  patchbay plugin test provider.wasm --testdata shout/testdata`,
		Args:              exactly(1, "one F.wasm"),
		ValidArgsFunction: completeModules,
		RunE: func(cmd *cobra.Command, args []string) error {
			if recordings == "" {
				recordings = filepath.Join(filepath.Dir(args[0]), "testdata")
			} else if _, err := os.Stat(recordings); err != nil {
				return fmt.Errorf("the recorded exchanges: %w", err)
			}
			recorded, err := conformance.ReadRecordings(os.DirFS(recordings))
			if err != nil {
				return fmt.Errorf("%s: %w", recordings, err)
			}
			wasm, err := admin.ReadModule(args[0])
			if err != nil {
				return err
			}
			p := startProgress(cmd.ErrOrStderr(), "testing "+args[0])
			results, err := g.conform(cmd.Context(), wasm, recorded)
			p.end()
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return showResults(cmd.OutOrStdout(), args[0], results)
		},
	}
	c.Flags().StringVar(&recordings, "testdata", "", "folder of recorded exchanges (default: testdata beside the module)")
	return c
}

// conform loads a module twice, for both sorts of instances, in a directory that
// goes away again, and tests it.
func (g *global) conform(ctx context.Context, wasm []byte, recorded []conformance.Recording) (_ []conformance.Result, err error) {
	cfg, err := g.settings()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "patchbay-test")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	info, err := plugins.Inspect(wasm)
	if err != nil {
		return nil, err
	}
	var config json.RawMessage
	if info.Manifest != nil {
		if c := cfg.Plugins.Config[info.Manifest.ID]; c != nil {
			if config, err = json.Marshal(c); err != nil {
				return nil, err
			}
		}
	}
	guests := map[bool]abi.Guest{}
	for _, fresh := range []bool{false, true} {
		host, failed := plugins.NewHost(ctx, plugins.Options{
			Dir: filepath.Join(dir, "plugins"), CacheDir: filepath.Join(dir, "cache"), HostVersion: version, Instances: 1, Fresh: fresh,
			MemoryBytes: cfg.Plugins.MemoryBytes, CallTimeout: cfg.Plugins.CallTimeout,
		})
		if failed != nil {
			return nil, failed
		}
		defer func(ctx context.Context) { err = errors.Join(err, host.Close(ctx)) }(context.WithoutCancel(ctx))
		p, failed := host.Load(ctx, wasm, config)
		if failed != nil {
			return nil, failed
		}
		guests[fresh] = p
	}
	results := conformance.Run(ctx, conformance.Subject{Manifest: info.Manifest, Shared: guests[false], Fresh: guests[true], Recorded: recorded})
	return results, ctx.Err()
}

// showResults prints one line for each promise, and what broke it.
func showResults(w io.Writer, name string, results []conformance.Result) error {
	broken := 0
	for _, r := range results {
		if len(r.Problems) == 0 {
			fmt.Fprintf(w, "ok    %s (%d calls)\n", plain(r.Name), r.Calls)
			continue
		}
		broken++
		fmt.Fprintf(w, "FAIL  %s\n", plain(r.Name))
		for _, p := range r.Problems {
			for line := range strings.Lines(p) {
				fmt.Fprintf(w, "      %s\n", plain(strings.TrimRight(line, "\n")))
			}
		}
	}
	if broken > 0 {
		return fmt.Errorf("%s breaks %d of %d promises of the contract", name, broken, len(results))
	}
	return nil
}
