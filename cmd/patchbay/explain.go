package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/host/admin"
)

func explainCommand(g *global) *cobra.Command {
	var req admin.ExplainRequest
	c := &cobra.Command{
		Use:   "explain --model M [--provider P]",
		Short: "Show which credential a request would get now, and why not the others",
		Long: `Show which credential a request for a model would get now, which ones would be
tried after it, and of every other one why it is skipped, until when, on whose
word, and what would change that. Nothing changes by asking.

Ask a running server: cooldowns are what it has learned. Without one, what is
stored is shown, and no provider can execute.`,
		Example: "  patchbay explain --model small\n  patchbay explain --model small --provider openai-compatible --json",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if req.Model == "" {
				return usagef("name the model: patchbay explain --model M")
			}
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				x, err := ops.Explain(cmd.Context(), req)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), x)
				}
				return showExplanation(cmd.OutOrStdout(), x)
			})
		},
	}
	c.Flags().StringVar(&req.Model, "model", "", "the model, as clients name it")
	c.Flags().StringArrayVar(&req.Providers, "provider", nil, "only this provider (repeatable; default: those that list the model)")
	c.Flags().StringVar(&req.Session, "session", "", "the session that the request names, where sessions keep to a credential")
	completeFlag(c, "model", g.completeModels())
	return jsonFlag(c, g)
}

func showExplanation(w io.Writer, x admin.Explanation) error {
	fmt.Fprintf(w, "model %s, %s\n", x.Model, x.Strategy)
	if x.Error != "" {
		fmt.Fprintf(w, "! nobody can serve it now; a client gets: %s\n", x.Error)
	}
	tw := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
	for _, c := range x.Candidates {
		turn := "-"
		if c.Turn > 0 {
			turn = fmt.Sprint(c.Turn)
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\t%s\n", turn, c.ID, c.Provider, dash(c.Label), c.Reason)
		if !c.Reset.IsZero() && c.Reset.After(c.Until) {
			fmt.Fprintf(tw, "\t\t\t\t  the provider's own reset: %s\n", c.Reset.UTC().Format(time.RFC3339))
		}
		if c.Change != "" {
			fmt.Fprintf(tw, "\t\t\t\t  changed by: %s\n", c.Change)
		}
	}
	return tw.Flush()
}
