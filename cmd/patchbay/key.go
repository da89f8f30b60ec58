package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/host/admin"
)

func keyCommand(g *global) *cobra.Command {
	var name string
	create := &cobra.Command{
		Use:     "create --name NAME",
		Short:   "Make a client key and show it, once",
		Example: "  patchbay key create --name laptop",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if name == "" {
				return usagef("a client key needs a name: patchbay key create --name NAME")
			}
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				k, err := ops.CreateKey(cmd.Context(), name)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), k)
				}
				fmt.Fprintln(cmd.OutOrStdout(), k.Key)
				fmt.Fprintf(cmd.ErrOrStderr(), "client key %s (%s); it is not shown again\n", k.ID, k.Name)
				return nil
			})
		},
	}
	create.Flags().StringVar(&name, "name", "", "what the key is for")
	return group("key", "Client keys, which your programs use", jsonFlag(create, g))
}
