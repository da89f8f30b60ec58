package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/host/admin"
)

func authShow(g *global) *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:               "show ID",
		Short:             "Show all of a credential but its secrets, and what is held against it",
		Example:           "  patchbay auth show 6f1c0a0e-6a30-4b6c-9d57-0f2a5c0d9e11",
		Args:              exactly(1, "one ID"),
		ValidArgsFunction: g.completeAuths(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				d, err := ops.ShowAuth(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), d)
				}
				return showAuth(cmd.OutOrStdout(), d)
			})
		},
	}, g)
}

// showAuth prints a line for each thing that is known.
func showAuth(w io.Writer, d admin.AuthDetail) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(tw, "%s\t%s\n", name, value)
		}
	}
	line("id", d.ID)
	line("provider", d.Provider)
	line("label", d.Label)
	line("state", state(d.AuthView))
	line("from", d.Source)
	line("imported from", d.ImportedFrom)
	line("models", strings.Join(d.Models, ", "))
	for _, name := range slices.Sorted(maps.Keys(d.Fields)) {
		line("field "+name, d.Fields[name])
	}
	line("secrets set", strings.Join(d.SecretsSet, ", "))
	line("prefix", d.Prefix)
	if d.Priority != 0 {
		line("priority", fmt.Sprint(d.Priority))
	}
	if d.Weight != 0 {
		line("weight", fmt.Sprint(d.Weight))
	}
	if d.MaxInFlight != 0 {
		line("max in flight", fmt.Sprint(d.MaxInFlight))
	}
	line("group", d.Group)
	line("quota group", d.QuotaGroup)
	for _, name := range slices.Sorted(maps.Keys(d.Own)) {
		line(name, d.Own[name])
	}
	if d.AllowPrivate {
		line("private addresses", "allowed by name")
	}
	if d.HasProxy {
		line("proxy", "its own")
	}
	line("created", when(d.CreatedAt))
	line("changed", when(d.UpdatedAt))
	line("refreshed", when(d.RefreshedAt))
	line("expires", when(d.ExpiresAt))
	for _, c := range d.Cooldowns {
		line("cooldown", cooldownLine(c))
	}
	return tw.Flush()
}

// cooldownLine is a block in one line.
func cooldownLine(c admin.Cooldown) string {
	s := c.Model
	if s == "" {
		s = "all models"
	}
	s += " until " + when(c.Until)
	if c.Status != 0 {
		s += fmt.Sprintf(" after status %d", c.Status)
	}
	if c.Reason != "" {
		s += ": " + strings.ReplaceAll(c.Reason, "\n", " ")
	}
	if !c.ResetsAt.IsZero() {
		s += "; the provider resets it at " + when(c.ResetsAt)
	}
	return s
}

// when is a time as people here read it; empty for none.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime)
}
