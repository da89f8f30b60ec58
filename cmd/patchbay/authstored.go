package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/host/admin"
)

// printStored shows a credential that was just stored: its id alone on standard
// output, for scripts, and on the other what keeps it from serving.
func printStored(cmd *cobra.Command, g *global, v admin.AuthView) error {
	if g.json {
		return printJSON(cmd.OutOrStdout(), v)
	}
	fmt.Fprintln(cmd.OutOrStdout(), v.ID)
	if v.Reason != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "stored, but it serves no model yet: %s\n", v.Reason)
	}
	return nil
}
