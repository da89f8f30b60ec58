package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/host/admin"
)

func pluginGrant(g *global) *cobra.Command {
	var req admin.GrantRequest
	c := &cobra.Command{
		Use:   "grant ID --yes",
		Short: "Let an update that asks for more take over",
		Long: `Show what an update that waits asks for beyond what the plugin was granted and,
with --yes, grant it and let the update serve. What has to be granted by name
needs --grant as well, as with patchbay plugin install.

To refuse an update, install the version that serves again: the update is
dropped.`,
		Example: `  patchbay plugin grant provider
  patchbay plugin grant provider --yes`,
		Args:              exactly(1, "one ID"),
		ValidArgsFunction: g.completePlugins(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				d, err := ops.ShowPlugin(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if d.Pending == nil {
					return fmt.Errorf("no update of plugin %s waits for a grant: version %s has all that it asks for", d.ID, d.Version)
				}
				if !req.Yes && len(req.Grants) == 0 {
					if g.json {
						return printJSON(cmd.OutOrStdout(), d.Pending)
					}
					if err := describeDiff(cmd.ErrOrStderr(), d.Manifest, d.Pending.Manifest); err != nil {
						return err
					}
					return usagef("nothing is granted yet: if you accept the above, repeat it with --yes%s", grantFlags(d.Pending.Named))
				}
				req.ID, req.SHA256 = d.ID, d.Pending.SHA256
				p := startProgress(cmd.ErrOrStderr(), "installing "+d.ID+" "+d.Pending.Version)
				v, err := ops.GrantPlugin(cmd.Context(), req)
				p.end()
				if err != nil {
					return err
				}
				return g.showStatus(cmd, v)
			})
		},
	}
	c.Flags().BoolVar(&req.Yes, "yes", false, "grant what the update asks for")
	c.Flags().StringArrayVar(&req.Grants, "grant", nil, "grant what has to be granted by name; may be repeated")
	return jsonFlag(c, g)
}

func pluginEnable(g *global) *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:   "enable ID",
		Short: "End a plugin's quarantine now",
		Long: `Let a plugin that is in quarantine serve again at once, without waiting for the
server to try it. It also clears the notice that a version was rolled back.`,
		Example:           "  patchbay plugin enable provider",
		Args:              exactly(1, "one ID"),
		ValidArgsFunction: g.completePlugins(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				v, err := ops.EnablePlugin(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return g.showStatus(cmd, v)
			})
		},
	}, g)
}
