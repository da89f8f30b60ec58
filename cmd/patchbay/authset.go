package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/host/admin"
)

func authSet(g *global) *cobra.Command {
	var (
		hidden, models       []string
		label, prefix, proxy string
		group, quotaGroup    string
		priority, weight     int
		inFlight             int
		allowPrivate         bool
	)
	c := &cobra.Command{
		Use:   "set ID [FIELD=VALUE…] [--secret FIELD=@FILE|-]",
		Short: "Change a credential; what is not named stays",
		Long: `Change a credential. What is not named stays as it is; the change takes effect
with the next request, and requests that run are not disturbed.

A FIELD is one of the provider's plugin: see patchbay plugin inspect. FIELD= with
nothing behind it takes the value away. A secret comes from a file (@FILE) or from
standard input (-), never from the command line itself. A new field, secret or
proxy forgets the cooldowns of the old one.`,
		Example: `  patchbay auth set 6f1c0a0e-6a30-4b6c-9d57-0f2a5c0d9e11 base_url=https://api.example.com/v2
  patchbay auth set 6f1c0a0e-6a30-4b6c-9d57-0f2a5c0d9e11 --secret api_key=@key.txt
  patchbay auth set 6f1c0a0e-6a30-4b6c-9d57-0f2a5c0d9e11 --label home --priority 10 --models small,large
  patchbay auth set 6f1c0a0e-6a30-4b6c-9d57-0f2a5c0d9e11 --models "" --prefix "" --proxy-url ""`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s takes one ID, then FIELD=VALUE arguments: see %s --help", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: g.completeAuths(),
		RunE: func(cmd *cobra.Command, args []string) error {
			change := admin.AuthChange{ID: args[0]}
			set, err := pairs("", args[1:])
			if err != nil {
				return err
			}
			for name, value := range set {
				if value == "" {
					delete(set, name)
					change.Unset = append(change.Unset, name)
				}
			}
			change.Set = set
			in := input{stdin: cmd.InOrStdin()}
			if change.Secrets, err = in.secrets(hidden); err != nil {
				return err
			}
			f := cmd.Flags()
			change.Own = ownOf(cmd)
			if f.Changed("label") {
				change.Label = &label
			}
			if f.Changed("prefix") {
				change.Prefix = &prefix
			}
			if f.Changed("priority") {
				change.Priority = &priority
			}
			if f.Changed("weight") {
				change.Weight = &weight
			}
			if f.Changed("max-in-flight") {
				change.MaxInFlight = &inFlight
			}
			if f.Changed("group") {
				change.Group = &group
			}
			if f.Changed("quota-group") {
				change.QuotaGroup = &quotaGroup
			}
			if f.Changed("models") {
				change.Models = &models
			}
			if f.Changed("allow-private") {
				change.AllowPrivate = &allowPrivate
			}
			if f.Changed("proxy-url") {
				if proxy, err = in.proxyURL(proxy); err != nil {
					return err
				}
				change.ProxyURL = &proxy
			}
			if len(args) == 1 && change.Own == nil && !anyChanged(cmd, "secret", "label", "prefix", "priority", "weight", "max-in-flight", "group", "quota-group",
				"models", "allow-private", "proxy-url") {
				return usagef("say what to change: patchbay auth set ID FIELD=VALUE, or a flag; see %s --help", cmd.CommandPath())
			}
			return g.changeAuth(cmd, change)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&hidden, "secret", nil, "a secret field, FIELD=@FILE or FIELD=-; may be repeated")
	f.StringVar(&label, "label", "", "what you call it")
	f.StringVar(&prefix, "prefix", "", "serve its models as PREFIX/model too; empty for not")
	f.IntVar(&priority, "priority", 0, "higher is preferred")
	f.IntVar(&weight, "weight", 1, "share among those of its priority, 1 to 100, with the strategy weighted")
	f.IntVar(&inFlight, "max-in-flight", 0, "how many requests it serves at a time; 0 for any number")
	f.StringVar(&group, "group", "", "account that it is one of several credentials of; accounts take turns; empty for none")
	f.StringVar(&quotaGroup, "quota-group", "", "name of those that share a quota with it; empty for none")
	f.StringSliceVar(&models, "models", nil, "models that it serves, by comma; empty for what the provider lists")
	f.BoolVar(&allowPrivate, "allow-private", false, "let it reach private addresses by name; --allow-private=false for not")
	ownFlags(c)
	f.StringVar(&proxy, "proxy-url", "", "proxy for this credential; @FILE or - for a URL with a user or a password, empty for none")
	return jsonFlag(c, g)
}

func anyChanged(cmd *cobra.Command, names ...string) bool {
	for _, name := range names {
		if cmd.Flags().Changed(name) {
			return true
		}
	}
	return false
}

// authSwitch is enable and disable.
func authSwitch(g *global, off bool) *cobra.Command {
	use, short := "enable", "Let a credential be picked again; its cooldowns are forgotten"
	if off {
		use, short = "disable", "Keep a credential from being picked; its running streams finish"
	}
	return jsonFlag(&cobra.Command{
		Use:               use + " ID",
		Short:             short,
		Example:           "  patchbay auth " + use + " 6f1c0a0e-6a30-4b6c-9d57-0f2a5c0d9e11",
		Args:              exactly(1, "one ID"),
		ValidArgsFunction: g.completeAuths(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.changeAuth(cmd, admin.AuthChange{ID: args[0], Disabled: &off})
		},
	}, g)
}

func (g *global) changeAuth(cmd *cobra.Command, change admin.AuthChange) error {
	return g.with(cmd.Context(), func(ops admin.Operations) error {
		v, err := ops.ChangeAuth(cmd.Context(), change)
		if err != nil {
			return err
		}
		return g.printState(cmd, v)
	})
}

// printState prints what a credential has come to.
func (g *global) printState(cmd *cobra.Command, v admin.AuthView) error {
	if g.json {
		return printJSON(cmd.OutOrStdout(), v)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", v.ID, state(v))
	return nil
}

func authResetCooldown(g *global) *cobra.Command {
	var model string
	c := &cobra.Command{
		Use:   "reset-cooldown ID [--model M]",
		Short: "Forget what is held against a credential, or against one of its models",
		Example: `  patchbay auth reset-cooldown 6f1c0a0e-6a30-4b6c-9d57-0f2a5c0d9e11
  patchbay auth reset-cooldown 6f1c0a0e-6a30-4b6c-9d57-0f2a5c0d9e11 --model large`,
		Args:              exactly(1, "one ID"),
		ValidArgsFunction: g.completeAuths(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				r, err := ops.ResetCooldown(cmd.Context(), args[0], model)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), r)
				}
				if !r.Reset {
					fmt.Fprintln(cmd.ErrOrStderr(), "nothing was held against it")
				}
				return g.printState(cmd, r.Auth)
			})
		},
	}
	c.Flags().StringVar(&model, "model", "", "only this model (default: all, and the credential as a whole)")
	completeFlag(c, "model", g.completeModels())
	return jsonFlag(c, g)
}

func authRefresh(g *global) *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:   "refresh ID",
		Short: "Get new tokens for a credential now",
		Long: `Get new tokens for a credential now, through its provider's plugin. A provider
whose plugin cannot refresh says so; then give the credential new secrets with
patchbay auth set ID --secret FIELD=@FILE.`,
		Example:           "  patchbay auth refresh 6f1c0a0e-6a30-4b6c-9d57-0f2a5c0d9e11",
		Args:              exactly(1, "one ID"),
		ValidArgsFunction: g.completeAuths(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				v, err := ops.RefreshAuth(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return g.printState(cmd, v)
			})
		},
	}, g)
}
