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

func statusCommand(g *global) *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:   "status",
		Short: "Show how the server does: credentials, plugins, streams, last errors",
		Long: `Show how the server does. Without a server it says so, and shows what is stored.

A credential is ready, cooling (some of its models wait), blocked (all wait),
no_models (it serves none), needs_login or disabled.`,
		Example: "  patchbay status\n  patchbay status --json",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				s, err := ops.Status(cmd.Context())
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), s)
				}
				return showStatus(cmd.OutOrStdout(), s)
			})
		},
	}, g)
}

func showStatus(w io.Writer, s admin.Status) error {
	if !s.Running {
		fmt.Fprintf(w, "no server is running; patchbay %s, and what is stored:\n", s.Version)
	} else {
		ready := "ready"
		if !s.Ready {
			ready = "not ready"
		}
		fmt.Fprintf(w, "patchbay %s, up %s, %s, %d streams open\n", s.Version, s.Uptime.Round(time.Second), ready, s.StreamsOpen)
	}
	for _, r := range s.Reasons {
		fmt.Fprintf(w, "! %s\n", r)
	}
	if s.Keys == 0 {
		fmt.Fprintln(w, "! there is no client key: patchbay key create --name NAME")
	}
	fmt.Fprintf(w, "\nCredentials: %s\n", counts(s.States))
	tw := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
	for _, c := range s.Credentials {
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\n", c.ID, c.Provider, dash(c.Label), condition(c.State, c.Reason, c.Until))
		for _, h := range c.Cooldowns {
			if h.Model != "" {
				fmt.Fprintf(tw, "  \t\t\t  %s\n", cooldownLine(h))
			}
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nPlugins: %d\n", len(s.Plugins))
	for _, p := range s.Plugins {
		fmt.Fprintf(tw, "  %s\t%s\t%s", p.ID, p.Version, p.Status)
		if s.Running {
			fmt.Fprintf(tw, "\t%d instances, %d busy\t%.1f MiB\t%d calls\t%s", p.Instances, p.Leased, float64(p.MemoryBytes)/(1<<20), p.Calls, faults(p.Faults))
		}
		fmt.Fprintln(tw)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if len(s.LastErrors) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nLast errors, the newest first:")
	for _, f := range s.LastErrors {
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\t%s\n", when(f.Time), f.Auth, dash(f.Model), dash(strings.TrimSpace(status(f.Status)+" "+f.Code)), strings.ReplaceAll(f.Message, "\n", " "))
	}
	return tw.Flush()
}

func status(code int) string {
	if code == 0 {
		return "no answer"
	}
	return fmt.Sprint(code)
}

// counts lists the states that somebody is in, the good ones first.
func counts(states map[string]int) string {
	var all []string
	for _, name := range admin.States {
		if n := states[name]; n > 0 {
			all = append(all, fmt.Sprintf("%d %s", n, name))
		}
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

func faults(by map[string]uint64) string {
	if len(by) == 0 {
		return "no faults"
	}
	var all []string
	for _, kind := range slices.Sorted(maps.Keys(by)) {
		all = append(all, fmt.Sprintf("%d %s", by[kind], kind))
	}
	return "faults: " + strings.Join(all, ", ")
}
