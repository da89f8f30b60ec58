package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/boltstore"
	"github.com/patchbay-dev/patchbay/cmd/patchbay/internal/app"
	"github.com/patchbay-dev/patchbay/host/admin"
)

func storeCommand(g *global) *cobra.Command {
	return group("store", "The store: check, back up, restore, rotate its key", storeCheck(g), storeBackup(g), storeRestore(g), storeRotateKey(g))
}

func storeCheck(g *global) *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:   "check",
		Short: "Read everything in the store, and verify every seal and generation",
		Long: `Read everything in the store and its journal, and verify every seal and every
generation. A server that runs does it while it serves. What is wrong is listed, and
the exit code is 5 then.

A record that is damaged harms no other: add the credential anew, or restore the
store from a backup.`,
		Example: "  patchbay store check\n  patchbay store check --json",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				p := startProgress(cmd.ErrOrStderr(), "checking the store")
				c, err := ops.CheckStore(cmd.Context(), p.step)
				p.end()
				if err != nil {
					return err
				}
				if g.json {
					err = printJSON(cmd.OutOrStdout(), c)
				} else {
					showCheck(cmd.OutOrStdout(), c)
				}
				if err == nil && len(c.Problems) > 0 {
					err = fmt.Errorf("%w: %s: %d problems", boltstore.ErrDamaged, c.Path, len(c.Problems))
				}
				return err
			})
		},
	}, g)
}

func showCheck(w io.Writer, c admin.StoreCheck) {
	var records, keys []string
	for _, kind := range slices.Sorted(maps.Keys(c.Records)) {
		records = append(records, fmt.Sprintf("%d %s", c.Records[kind], kind))
	}
	for _, key := range slices.Sorted(maps.Keys(c.Keys)) {
		keys = append(keys, fmt.Sprintf("%d with key %s", c.Keys[key], key))
	}
	fmt.Fprintf(w, "%s, generation %d\n", c.Path, c.Generation)
	fmt.Fprintf(w, "records: %s\n", orNone(records))
	fmt.Fprintf(w, "sealed:  %s\n", orNone(keys))
	fmt.Fprintf(w, "journal: %d entries, %d bytes\n", c.JournalEntries, c.JournalBytes)
	for _, problem := range c.Problems {
		fmt.Fprintf(w, "! %s\n", problem)
	}
	if len(c.Problems) == 0 {
		fmt.Fprintln(w, "all of it is as it was written")
	}
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func storeBackup(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "backup F",
		Short: "Write the store as it is now to a file, also while a server runs",
		Long: `Write the store as it is at this moment to a file that is not there yet, also while
a server runs. The file is sealed like the store, and the key is not in it: keep the
key file too, somewhere else. Modules of plugins are not in it either.`,
		Example: "  patchbay store backup patchbay-monday.db",
		Args:    exactly(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				err := boltstore.SaveBackup(args[0], func(w io.Writer) error { return ops.BackupStore(cmd.Context(), w) })
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "%s is written; it cannot be read without the store's key\n", args[0])
				return nil
			})
		},
	}
}

func storeRestore(g *global) *cobra.Command {
	var journal, force bool
	c := &cobra.Command{
		Use:   "restore F | --journal",
		Short: "Put a backup, or what the journal holds, in the place of the store",
		Long: `Put a backup in the place of the store, while no server runs. All of the backup is
read and verified first. What was there is kept under another name beside it.

When the store that is there is newer than the backup, or holds what the backup does
not, it is refused, and what would be lost is listed; --force does it all the same.
A credential that was refreshed since the backup is marked, because its provider may
have used up the refresh token that the backup holds.

With --journal, what the store's own journal holds is put there: that is all that was
ever written, so nothing is lost. Use it when patchbay.db is missing or damaged.

On another machine, put the key file (patchbay.key) into the data directory first.`,
		Example: "  patchbay store restore patchbay-monday.db\n  patchbay store restore --journal",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args)+map[bool]int{true: 1}[journal] != 1 {
				return usagef("%s takes one file, or --journal: see %s --help", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := g.settings()
			if err != nil {
				return err
			}
			o := boltstore.RestoreOptions{Options: app.StoreOptions(cfg.DataDir), Force: force}
			if !journal {
				o.From = args[0]
			}
			r, err := boltstore.Restore(cmd.Context(), o)
			for _, line := range r.Lost {
				fmt.Fprintf(cmd.ErrOrStderr(), "! %s\n", line)
			}
			switch {
			case errors.Is(err, boltstore.ErrGoesBack):
				return fmt.Errorf("%w: nothing was changed; --force restores it all the same", err)
			case errors.Is(err, boltstore.ErrLocked):
				return fmt.Errorf("%w; a restore needs the server to be stopped", err)
			case err != nil:
				return err
			}
			for _, path := range r.Aside {
				fmt.Fprintf(cmd.ErrOrStderr(), "what was there is kept as %s\n", path)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "restored: %d credentials, %d client keys, %d plugins\n", r.Records["auths"], r.Records[boltstore.ClientKeys], r.Records[boltstore.Plugins])
			return nil
		},
	}
	c.Flags().BoolVar(&journal, "journal", false, "restore what the store's own journal holds")
	c.Flags().BoolVar(&force, "force", false, "restore though something is lost")
	return c
}

func storeRotateKey(g *global) *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:   "rotate-key",
		Short: "Seal everything in the store with a new key, also while a server runs",
		Long: `Seal everything in the store with a new key, also while a server runs, and take the
old one out of the key file. What is sealed with either can be read meanwhile. If it
is interrupted nothing is lost, and the next call, or the next start of the server,
goes on.

The old key is kept beside the key file, with .old in its name: backups from before
can only be read with it. Delete it when there is no such backup any more, and at
once if somebody else has it.

A key that comes from the environment or from systemd cannot be rotated in place.`,
		Example: "  patchbay store rotate-key",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				p := startProgress(cmd.ErrOrStderr(), "sealing the store with a new key")
				r, err := ops.RotateKey(cmd.Context(), p.step)
				p.end()
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), r)
				}
				if r.Resumed {
					fmt.Fprintln(cmd.OutOrStdout(), "a rotation that was interrupted is ended")
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%d records are sealed with key %s instead of %s\n", r.Records, r.New, r.Old)
				if r.Unreadable > 0 {
					fmt.Fprintf(cmd.OutOrStdout(), "! %d records are damaged and were left as they are: patchbay store check\n", r.Unreadable)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "the old key is in %s: backups from before need it\n", r.OldKeyFile)
				return nil
			})
		},
	}, g)
}
