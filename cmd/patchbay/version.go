package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/abi"
)

func versionCommand(g *global) *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:     "version",
		Short:   "Show the version, and the contract that it speaks",
		Example: "  patchbay version",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if g.json {
				return printJSON(cmd.OutOrStdout(), map[string]any{"version": version, "abi": abi.Version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "patchbay %s (plugin contract %d, %s, %s/%s)\n", version, abi.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}, g)
}
