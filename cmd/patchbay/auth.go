package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/host/admin"
)

func authCommand(g *global) *cobra.Command {
	return group("auth", "Upstream credentials, which Patchbay uses",
		authAdd(g), authLogin(g), authList(g), authShow(g), authSet(g), authSwitch(g, false), authSwitch(g, true),
		authResetCooldown(g), authRefresh(g), authImport(g), authRemove(g))
}

func authAdd(g *global) *cobra.Command {
	var (
		spec         admin.AuthSpec
		sets, hidden []string
	)
	c := &cobra.Command{
		Use:   "add PROVIDER --label LABEL [--set FIELD=VALUE] [--secret FIELD=@FILE|-]",
		Short: "Store a credential",
		Long: `Store a credential. Its fields are those of the provider's plugin: see
patchbay plugin inspect. A secret comes from a file (@FILE) or from standard input
(-), never from the command line itself.`,
		Example: `  patchbay auth add openai-compatible --label work \
      --set base_url=https://api.example.com/v1 --secret api_key=@key.txt
  pass show example | patchbay auth add openai-compatible --label work \
      --set base_url=https://api.example.com/v1 --secret api_key=-`,
		Args:              exactly(1, "one PROVIDER"),
		ValidArgsFunction: g.completeProviders(),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			spec.Provider = args[0]
			if spec.Set, err = pairs("--set: ", sets); err != nil {
				return err
			}
			in := input{stdin: cmd.InOrStdin()}
			if spec.Secrets, err = in.secrets(hidden); err != nil {
				return err
			}
			if spec.ProxyURL, err = in.proxyURL(spec.ProxyURL); err != nil {
				return err
			}
			spec.Own = ownOf(cmd)
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				v, err := ops.AddAuth(cmd.Context(), spec)
				if err != nil {
					return err
				}
				return printStored(cmd, g, v)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&spec.Label, "label", "default", "what you call it")
	f.StringArrayVar(&sets, "set", nil, "a field that is not secret, FIELD=VALUE; may be repeated")
	f.StringArrayVar(&hidden, "secret", nil, "a secret field, FIELD=@FILE or FIELD=-; may be repeated")
	f.StringSliceVar(&spec.Models, "models", nil, "models that it serves, by comma (default: what the provider lists)")
	f.StringVar(&spec.Prefix, "prefix", "", "serve its models as PREFIX/model too")
	f.IntVar(&spec.Priority, "priority", 0, "higher is preferred")
	f.IntVar(&spec.Weight, "weight", 1, "share among those of its priority, 1 to 100, with the strategy weighted")
	f.IntVar(&spec.MaxInFlight, "max-in-flight", 0, "how many requests it serves at a time; 0 for any number")
	f.StringVar(&spec.Group, "group", "", "account that it is one of several credentials of; accounts take turns")
	f.StringVar(&spec.QuotaGroup, "quota-group", "", "name of those that share a quota with it")
	f.StringVar(&spec.ProxyURL, "proxy-url", "", "proxy for this credential; @FILE or - for a URL with a user or a password")
	ownFlags(c)
	f.BoolVar(&spec.AllowPrivate, "allow-private", false, "let it reach private addresses by name")
	return jsonFlag(c, g)
}

func authList(g *global) *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:     "list",
		Short:   "Show the credentials, without their secrets",
		Example: "  patchbay auth list\n  patchbay auth list --json",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				list, err := ops.ListAuths(cmd.Context())
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), list)
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
				fmt.Fprintln(w, "ID\tPROVIDER\tLABEL\tSTATE\tMODELS\tCHOSEN BY\tFROM")
				for _, v := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.ID, v.Provider, v.Label, state(v), some(v.Models), chosenBy(v), v.Source)
				}
				return w.Flush()
			})
		},
	}, g)
}

func authRemove(g *global) *cobra.Command {
	return &cobra.Command{
		Use:               "remove ID",
		Short:             "Delete a credential; its running streams finish",
		Example:           "  patchbay auth remove 6f1c0a0e-6a30-4b6c-9d57-0f2a5c0d9e11",
		Args:              exactly(1, "one ID"),
		ValidArgsFunction: g.completeAuths(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				return ops.RemoveAuth(cmd.Context(), args[0])
			})
		},
	}
}

// chosenBy is what the operator set of how a credential is chosen, in one cell.
func chosenBy(v admin.AuthView) string {
	var parts []string
	for _, p := range []struct {
		name  string
		value int
	}{{"priority", v.Priority}, {"weight", v.Weight}, {"max-in-flight", v.MaxInFlight}} {
		if p.value != 0 {
			parts = append(parts, fmt.Sprint(p.name, " ", p.value))
		}
	}
	if v.Group != "" {
		parts = append(parts, "group "+v.Group)
	}
	if v.QuotaGroup != "" {
		parts = append(parts, "quota group "+v.QuotaGroup)
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}

// state is how a credential does, in one cell.
func state(v admin.AuthView) string { return condition(v.State, v.Reason, v.Until) }

// condition is a state, why, and until when.
func condition(state, reason string, until time.Time) string {
	if reason != "" {
		state += ": " + strings.ReplaceAll(reason, "\n", " ")
	}
	if !until.IsZero() {
		state += " until " + until.Local().Format(time.DateTime)
	}
	return state
}

// maxShown is how many models a cell shows.
const maxShown = 8

// some shows a list in one cell: a provider may have thousands of models.
func some(names []string) string {
	if more := len(names) - maxShown; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxShown], ","), more)
	}
	return strings.Join(names, ",")
}
