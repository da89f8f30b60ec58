package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/plugins"
)

func pluginDiff(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Show what one version of a plugin asks for and another does not",
		Long: `Compare what two modules ask for. Each is a file, or the ID of an installed
plugin. Lines with + are new, lines with - are gone. No code is run.`,
		Example: `  patchbay plugin diff old.wasm new.wasm
  patchbay plugin diff provider new.wasm`,
		Args:              exactly(2, "OLD and NEW"),
		ValidArgsFunction: completeModules,
		RunE: func(cmd *cobra.Command, args []string) error {
			old, err := g.manifestOf(cmd, args[0])
			if err != nil {
				return err
			}
			next, err := g.manifestOf(cmd, args[1])
			if err != nil {
				return err
			}
			return describeDiff(cmd.OutOrStdout(), old, next)
		},
	}
}

// manifestOf returns the manifest of a file or, where there is no such file, of
// an installed plugin.
func (g *global) manifestOf(cmd *cobra.Command, name string) (raw json.RawMessage, err error) {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		err := g.with(cmd.Context(), func(ops admin.Operations) error {
			d, err := ops.ShowPlugin(cmd.Context(), name)
			raw = d.Manifest
			return err
		})
		if errors.Is(err, &admin.Error{Code: admin.CodeNotFound}) {
			return nil, fmt.Errorf("%s is neither a file nor an installed plugin", name)
		}
		return raw, err
	}
	wasm, err := admin.ReadModule(name)
	if err != nil {
		return nil, err
	}
	info, err := plugins.Inspect(wasm)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if info.Manifest == nil {
		return nil, fmt.Errorf("%s has no manifest that could be compared: patchbay plugin inspect says why", name)
	}
	return info.RawManifest, nil
}

// describeDiff prints what differs between what two manifests ask for.
func describeDiff(w io.Writer, oldRaw, nextRaw json.RawMessage) error {
	old, err := plugins.ParseManifest(oldRaw)
	if err != nil {
		return err
	}
	next, err := plugins.ParseManifest(nextRaw)
	if err != nil {
		return err
	}
	say := func(format string, args ...any) { fmt.Fprintln(w, plain(fmt.Sprintf(format, args...))) }
	say("%s %s, then %s %s", old.ID, old.Version, next.ID, next.Version)
	a, b := plugins.GrantFor(old), plugins.GrantFor(next)
	added, gone := a.Missing(b), b.Missing(a)
	for _, line := range added {
		say("+ %s", line)
	}
	for _, line := range gone {
		say("- %s", line)
	}
	reasons(say, old, next)
	if w := a.Withheld(b, plugins.Consent{All: true}); len(w.Words) > 0 {
		say("has to be granted by name:%s", grantFlags(w.Words))
	}
	if len(added) == 0 {
		say("the new one asks for nothing more")
	}
	return nil
}

// reasons prints what the new version says its capabilities are for, where that
// differs.
func reasons(say func(string, ...any), old, next *abi.Manifest) {
	before := map[string]string{}
	for _, c := range old.Capabilities {
		before[c.Name] = c.Reason
	}
	for _, c := range next.Capabilities {
		if before[c.Name] != c.Reason {
			say("its reason for %s: %s", c.Name, c.Reason)
		}
	}
}
