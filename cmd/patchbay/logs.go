package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/host/admin"
)

func logsCommand(g *global) *cobra.Command {
	var follow bool
	c := &cobra.Command{
		Use:   "logs [--follow]",
		Short: "Show the newest lines of the server's log",
		Long: `Show the newest lines of the server's log, as it wrote them; with --follow go on
with every line that comes, until you interrupt it or the server ends. A reader
that is too slow loses lines, and is told how many.`,
		Example: "  patchbay logs\n  patchbay logs --follow",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := g.settings()
			if err != nil {
				return err
			}
			client, err := admin.Dial(cfg.DataDir)
			if errors.Is(err, admin.ErrNoServer) {
				return fmt.Errorf("%w, and only a server has a log: start one with patchbay serve", err)
			}
			if err != nil {
				return err
			}
			defer client.Close()
			err = client.Logs(cmd.Context(), follow, func(l admin.LogLine) error {
				if g.json {
					return printLine(cmd.OutOrStdout(), l)
				}
				if l.Dropped > 0 {
					fmt.Fprintf(cmd.ErrOrStderr(), "%d lines were lost here\n", l.Dropped)
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), l.Line)
				return err
			})
			if follow && errors.Is(err, context.Canceled) {
				return nil // that is how a person ends it
			}
			return err
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with every line that comes")
	return jsonFlag(c, g)
}
