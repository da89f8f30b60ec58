package main

import "github.com/spf13/cobra"

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "patchbay-dev",
		Short:         "Measure Patchbay; for those who work on it",
		Long:          "Measure Patchbay. Run it in the repository: it builds what it measures.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.AddCommand(benchCommand(), profileCommand(), childCommand())
	return cmd
}
