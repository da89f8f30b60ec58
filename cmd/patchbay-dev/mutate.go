package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/cmd/patchbay-dev/internal/mutate"
)

// leastNoticed is how many acceptance cases have to fail without a decision.
const leastNoticed = 5

func mutateCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "mutate",
		Short:   "Show that the acceptance cases notice a decision that is missing",
		Long:    "Replace the decisions of the core, one at a time, by ones that do nothing, and run the\nacceptance cases: at least five must fail for each. Run it in the repository.",
		Example: "  go run ./cmd/patchbay-dev mutate",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, m := range mutate.Mutations {
				failed, err := mutate.Noticed(cmd.Context(), ".", m)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %d cases notice\n", m.Name, len(failed))
				for _, name := range failed {
					fmt.Fprintln(cmd.OutOrStdout(), "  "+name)
				}
				if len(failed) < leastNoticed {
					return fmt.Errorf("without %s only %d cases fail, want at least %d", m.Name, len(failed), leastNoticed)
				}
			}
			return nil
		},
	}
}
