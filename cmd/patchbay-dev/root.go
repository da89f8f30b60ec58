package main

import "github.com/spf13/cobra"

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "patchbay-dev",
		Short:         "Measure, document and release Patchbay; for those who work on it",
		Long:          "Measure, document and release Patchbay. Run it in the repository: it builds what it needs.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.AddCommand(benchCommand(), profileCommand(), childCommand(), distCommand(), docsCommand(), mutateCommand(), soakCommand(),
		crashCommand(), crashChildCommand())
	return cmd
}
