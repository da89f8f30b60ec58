package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/plugins"
)

func pluginInstall(g *global) *cobra.Command {
	var req admin.InstallRequest
	c := &cobra.Command{
		Use:   "install F.wasm --yes",
		Short: "Check a plugin, pin its hash, and let it serve",
		Long: `Check a plugin, pin its hash and what you granted, and, in a running server, let
it serve at once. A new version takes new requests; running ones finish on the
old. A module that is refused changes nothing.

Without --yes a new plugin is only described. --yes grants what it asks for, but
for two things, which have to be named with --grant: to read the values of
secrets, and to be called about what is not its own (other providers' requests,
new credentials, results).

An update that asks for no more than was granted needs no --yes. One that asks
for more waits, also with --yes, and the old version serves on: see patchbay
plugin grant. An update that faults at once is taken back by itself.

What was granted is kept with the plugin's hash, in the store. The configuration
file can grant nothing.`,
		Example: `  patchbay plugin inspect provider.wasm
  patchbay plugin install provider.wasm --yes
  patchbay plugin install auditor.wasm --yes --grant observe:audit`,
		Args:              exactly(1, "one F.wasm"),
		ValidArgsFunction: completeModules,
		RunE: func(cmd *cobra.Command, args []string) error {
			wasm, err := admin.ReadModule(args[0])
			if err != nil {
				return err
			}
			info, err := plugins.Inspect(wasm)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if len(info.Problems) > 0 {
				return fmt.Errorf("%s is refused: %s", args[0], strings.Join(info.Problems, "; "))
			}
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				if !req.Yes && !isUpdate(cmd, ops, info) {
					if err := describe(cmd.ErrOrStderr(), info); err != nil {
						return err
					}
					return usagef("nothing is installed yet: if you accept the above, repeat it with --yes%s", grantFlags(info.Asks.Explicit()))
				}
				req.Path, req.Wasm = args[0], wasm
				p := startProgress(cmd.ErrOrStderr(), "installing "+args[0])
				v, err := ops.InstallPlugin(cmd.Context(), req)
				p.end()
				if err != nil {
					return err
				}
				return g.showStatus(cmd, v)
			})
		},
	}
	c.Flags().BoolVar(&req.Yes, "yes", false, "accept what a new plugin asks for")
	c.Flags().StringArrayVar(&req.Grants, "grant", nil, "grant what has to be granted by name; may be repeated")
	c.Flags().BoolVar(&req.Force, "force", false, "install a version that is older than the installed one, or was rolled back")
	return jsonFlag(c, g)
}

// isUpdate reports whether a version of the plugin is installed.
func isUpdate(cmd *cobra.Command, ops admin.Operations, info *plugins.Info) bool {
	_, err := ops.ShowPlugin(cmd.Context(), info.Manifest.ID)
	return err == nil
}

// grantFlags spells the flags that grant words.
func grantFlags(words []string) string {
	s := ""
	for _, w := range words {
		s += " --grant " + w
	}
	return s
}

// showStatus prints what became of a plugin.
func (g *global) showStatus(cmd *cobra.Command, v admin.PluginView) error {
	if g.json {
		return printJSON(cmd.OutOrStdout(), v)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s %s %s\n", v.ID, v.Version, v.Status)
	if v.Reason != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), plain(v.Reason))
	}
	return nil
}
