package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/config"
)

func configReload(g *global) *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:   "reload",
		Short: "Let the running server read its configuration anew",
		Long: `Let the running server read its configuration anew: the file that it was started
with, its environment and its flags. Running requests are not disturbed. A
configuration that is wrong changes nothing; the command then says why and ends
with exit code 3.`,
		Example: "  patchbay config reload",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				r, err := ops.ReloadConfig(cmd.Context())
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), r)
				}
				for _, what := range r.Changed {
					fmt.Fprintln(cmd.OutOrStdout(), what)
				}
				if len(r.Changed) == 0 {
					fmt.Fprintln(cmd.ErrOrStderr(), "reloaded; nothing is another than before")
				}
				for _, what := range r.NeedsRestart {
					fmt.Fprintf(cmd.ErrOrStderr(), "%s needs a restart and stays as it is until then\n", what)
				}
				for _, w := range r.Warnings {
					fmt.Fprintln(cmd.ErrOrStderr(), "warning:", w)
				}
				return nil
			})
		},
	}, g)
}

func configCommand(g *global) *cobra.Command {
	check := &cobra.Command{
		Use:     "check F",
		Short:   "Say whether a configuration file is right, and what is wrong",
		Example: "  patchbay config check patchbay.yaml",
		Args:    exactly(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := config.Load(config.Source{File: args[0], Environ: os.Environ()})
			if err != nil {
				return err
			}
			for _, w := range cfg.Warnings {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning:", w)
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
	return group("config", "The configuration file", check, schema, configReload(g))
}
