package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/host/admin"
)

func keyCommand(g *global) *cobra.Command {
	return group("key", "Client keys, which your programs use", keyCreate(g), keyList(g), keyRevoke(g))
}

func keyCreate(g *global) *cobra.Command {
	var name string
	c := &cobra.Command{
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
	c.Flags().StringVar(&name, "name", "", "what the key is for")
	return jsonFlag(c, g)
}

func keyList(g *global) *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:     "list",
		Short:   "Show the client keys; the keys themselves are kept nowhere",
		Example: "  patchbay key list\n  patchbay key list --json",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				list, err := ops.ListKeys(cmd.Context())
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), list)
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
				fmt.Fprintln(w, "ID\tNAME\tCREATED")
				for _, k := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\n", k.ID, k.Name, k.CreatedAt.Local().Format(time.DateTime))
				}
				return w.Flush()
			})
		},
	}, g)
}

func keyRevoke(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID",
		Short: "Make a client key worthless; its running requests finish",
		Long: `Make a client key worthless, at once and for ever; its running requests finish.
The ID is the part of the key between its first two underscores: that of
pb_ab2cd3ef_… is ab2cd3ef.`,
		Example:           "  patchbay key revoke ab2cd3ef",
		Args:              exactly(1, "one ID"),
		ValidArgsFunction: g.completeKeys(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				if err := ops.RevokeKey(cmd.Context(), args[0]); err != nil {
					return err
				}
				if list, err := ops.ListKeys(cmd.Context()); err == nil && len(list) == 0 {
					fmt.Fprintln(cmd.ErrOrStderr(), "that was the last client key: nobody gets in until you make one (patchbay key create --name NAME)")
				}
				return nil
			})
		},
	}
}
