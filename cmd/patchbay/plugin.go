package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/plugins"
)

func pluginCommand(g *global) *cobra.Command {
	return group("plugin", "Plugins: build, test, look at, install", pluginBuild(), pluginPack(), pluginTest(g), pluginInspect(g), pluginDiff(g),
		pluginInstall(g), pluginGrant(g), pluginList(g), pluginEnable(g), pluginRemove(g))
}

func pluginInspect(g *global) *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:               "inspect F.wasm",
		Short:             "Show what a plugin is and asks for, without running it",
		Example:           "  patchbay plugin inspect provider.wasm",
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
			if g.json {
				return printJSON(cmd.OutOrStdout(), info)
			}
			return describe(cmd.OutOrStdout(), info)
		},
	}, g)
}

// describe prints what an operator decides on: who it is, what it serves, what
// it may reach and see, and where secrets may stand. All of it is the plugin's own
// word, and nothing in it can move a cursor or hide a line.
func describe(w io.Writer, info *plugins.Info) error {
	m := info.Manifest
	if m == nil {
		m = &abi.Manifest{ID: "(no manifest)"}
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	say := func(format string, args ...any) { fmt.Fprintln(tw, plain(fmt.Sprintf(format, args...))) }
	for _, p := range info.Problems {
		say("this build refuses it: %s", p)
	}
	say("%s %s  sha256 %s  %d bytes", m.ID, m.Version, info.SHA256, info.Size)
	if m.Description != "" {
		say("%s", m.Description)
	}
	for _, p := range m.Provides.Providers {
		say("provider %s: %s; %s", p.Key, strings.Join(p.Formats, ", "), strings.Join(p.Modes, ", "))
	}
	for _, c := range m.Capabilities {
		say("asks for %s: %s", c.Name, c.Reason)
	}
	for _, d := range m.Destinations {
		say("sends to %s (%s)", where(d), strings.Join(d.Methods, ", "))
	}
	for _, s := range m.Slots {
		say("puts secret %s into %s of %s requests to %s", s.Secret, s.Position, strings.Join(s.Methods, ", "), s.Destination)
	}
	for _, s := range info.Asks.Signers {
		say("lets the host sign, %s", s)
	}
	for _, h := range info.Asks.Hooks {
		say("is called for %s", h)
	}
	for _, r := range info.Asks.Reads {
		say("reads %s", r)
	}
	for _, word := range info.Asks.Explicit() {
		say("has to be granted by name: --grant %s", word)
	}
	for _, name := range fieldNames(m) {
		f := m.Credential.Fields[name]
		need := "optional"
		if f.Required {
			need = "required"
		}
		kind := f.Kind
		if kind == "" {
			kind = abi.FieldSecret
		}
		fmt.Fprintf(tw, "field %s\t%s\t%s\t%s\n", plain(name), plain(kind), need, plain(f.Description))
	}
	return tw.Flush()
}

// plain shows s on one line, with what is not printable spelled out.
func plain(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
	}
	return b.String()
}

func where(d abi.Destination) string {
	if d.Field != "" {
		return "what you set as " + d.Field
	}
	s := d.Scheme + "://" + d.Host
	if d.Port != 0 {
		s += fmt.Sprintf(":%d", d.Port)
	}
	return s + d.PathPrefix
}

func pluginList(g *global) *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:     "list",
		Short:   "Show the installed plugins",
		Example: "  patchbay plugin list --json",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				list, err := ops.ListPlugins(cmd.Context())
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), list)
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
				fmt.Fprintln(w, "ID\tVERSION\tSTATUS\tPROVIDERS\tSHA256\tREASON")
				for _, v := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.12s\t%s\n", v.ID, v.Version, v.Status, strings.Join(v.Providers, ","), v.SHA256, plain(v.Reason))
				}
				return w.Flush()
			})
		},
	}, g)
}

func pluginRemove(g *global) *cobra.Command {
	return &cobra.Command{
		Use:               "remove ID",
		Short:             "Take a plugin out; its running requests finish",
		Example:           "  patchbay plugin remove echo",
		Args:              exactly(1, "one ID"),
		ValidArgsFunction: g.completePlugins(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				return ops.RemovePlugin(cmd.Context(), args[0])
			})
		},
	}
}

func fieldNames(m *abi.Manifest) []string { return slices.Sorted(maps.Keys(m.Credential.Fields)) }
