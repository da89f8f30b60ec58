package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/cmd/patchbay/internal/pluginbuild"
)

func pluginBuild() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "build DIR -o F.wasm",
		Short: "Build a Go plugin, offline, against the contract of this binary",
		Long: `Build the Go plugin in DIR, with its manifest.json, into one module. The contract
and the SDK come from this binary, so nothing is fetched for them.`,
		Example: "  patchbay plugin build ./myprovider -o myprovider.wasm",
		Args:    exactly(1, "one DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef("say where to: patchbay plugin build DIR -o F.wasm")
			}
			cache, err := os.UserCacheDir()
			if err != nil {
				cache = os.TempDir()
			}
			var built strings.Builder
			p := startProgress(cmd.ErrOrStderr(), "building "+args[0])
			err = pluginbuild.Build(cmd.Context(), pluginbuild.Options{
				Dir: args[0], Out: out, CacheDir: filepath.Join(cache, "patchbay"),
				Stdout: &built, Stderr: p, Version: version,
			})
			p.end()
			fmt.Fprint(cmd.OutOrStdout(), built.String())
			return err
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "the module to write")
	return c
}

func pluginPack() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:     "pack IN.wasm MANIFEST.json -o F.wasm",
		Short:   "Put a manifest into a module that any toolchain built",
		Example: "  patchbay plugin pack in.wasm manifest.json -o provider.wasm",
		Args:    exactly(2, "IN.wasm and MANIFEST.json"),
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				out = args[0]
			}
			return pluginbuild.Pack(args[0], args[1], out)
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "the module to write (default: IN.wasm)")
	return c
}
