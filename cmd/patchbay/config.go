package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/host/config"
)

func configCommand(_ *global) *cobra.Command {
	check := &cobra.Command{
		Use:     "check F",
		Short:   "Say whether a configuration file is right, and what is wrong",
		Example: "  patchbay config check patchbay.yaml",
		Args:    exactly(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := config.Load(config.Source{File: args[0], Environ: os.Environ()}); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is fine\n", args[0])
			return nil
		},
	}
	schema := &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of the configuration file",
		Example: "  patchbay config schema > patchbay.schema.json",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(config.Schema())
			return err
		},
	}
	return group("config", "The configuration file", check, schema)
}
