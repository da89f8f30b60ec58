package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/host/admin"
)

func authImport(g *global) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "import DIR [--yes]",
		Short: "Take over credential files, as CLIProxyAPI writes them",
		Long: `Take over the credential files in DIR: JSON files with the provider in "type", as
CLIProxyAPI writes them. Without --yes nothing is changed, and each file is listed
with what would become of it; names of fields are shown, never a value.

A file is imported as a whole or not at all. What stays out: a file whose provider
no installed plugin serves, one whose account is there already, and one that does
not fit the plugin. Fields that nobody understands are left out and listed. The
files themselves are never changed; take them away from the other program before
you serve, since two programs that refresh one token lock each other out.`,
		Example: "  patchbay auth import ~/.cli-proxy-api\n  patchbay auth import ~/.cli-proxy-api --yes",
		Args:    exactly(1, "one DIR"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			files, out, err := readCredentialFiles(args[0])
			if err != nil {
				return err
			}
			if len(out) == 0 {
				return fmt.Errorf("there is no .json file in %s", args[0])
			}
			err = g.with(cmd.Context(), func(ops admin.Operations) error {
				planned, err := ops.ImportAuths(cmd.Context(), admin.ImportRequest{Files: files})
				if err != nil {
					return err
				}
				merge(out, planned)
				if !yes {
					return nil
				}
				return importReady(cmd.Context(), ops, files, out, cmd.ErrOrStderr())
			})
			if err != nil {
				return err
			}
			return g.printImport(cmd, out, yes)
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "import; without it nothing is changed")
	return jsonFlag(c, g)
}

// importIgnored is the state of a file that is not looked into.
const importIgnored = "ignored"

// readCredentialFiles reads the .json files below dir, in the order of their
// names. out has an entry for every file there is, also for those that cannot
// be read; the entries of files are to be filled in.
func readCredentialFiles(dir string) (files []admin.ImportFile, out []admin.ImportedFile, err error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, nil, err
	} else if !info.IsDir() {
		return nil, nil, usagef("%s is not a directory", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	found := 0
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return nil
		}
		f := admin.ImportedFile{Name: path}
		switch {
		case !strings.EqualFold(filepath.Ext(path), ".json"):
			f.State, f.Reason = importIgnored, "it is no .json file"
		case !d.Type().IsRegular():
			f.State, f.Reason = importIgnored, "it is no regular file"
		default:
			found++
			content, err := readBounded(root, path)
			if err != nil {
				f.State, f.Reason = admin.ImportRefused, err.Error()
			} else {
				files = append(files, admin.ImportFile{Name: path, Content: content})
			}
		}
		out = append(out, f)
		return nil
	})
	if found == 0 {
		out = nil
	}
	return files, out, err
}

func readBounded(root *os.Root, path string) ([]byte, error) {
	f, err := root.Open(path)
	if err != nil {
		return nil, errors.New("it cannot be opened: " + cause(err))
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, admin.MaxImportFile+1))
	if err != nil {
		return nil, errors.New("it cannot be read: " + cause(err))
	}
	if len(content) > admin.MaxImportFile {
		return nil, fmt.Errorf("it is larger than %d KiB", admin.MaxImportFile>>10)
	}
	return content, nil
}

// cause is an error without the path, which stands beside it.
func cause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// merge fills the entries that have no state yet, in order.
func merge(out, planned []admin.ImportedFile) {
	for i := range out {
		if out[i].State == "" && len(planned) > 0 {
			out[i], planned = planned[0], planned[1:]
		}
	}
}

// importReady imports what is ready, one file a time, so that a person sees how
// far it is.
func importReady(ctx context.Context, ops admin.Operations, files []admin.ImportFile, out []admin.ImportedFile, errs io.Writer) error {
	content := map[string]admin.ImportFile{}
	for _, f := range files {
		content[f.Name] = f
	}
	var ready []int
	for i := range out {
		if out[i].State == admin.ImportReady {
			ready = append(ready, i)
		}
	}
	p := startProgress(errs, fmt.Sprintf("importing %d files", len(ready)))
	defer p.end()
	for n, i := range ready {
		p.step(n+1, len(ready))
		done, err := ops.ImportAuths(ctx, admin.ImportRequest{Files: []admin.ImportFile{content[out[i].Name]}, Yes: true})
		if err != nil {
			return fmt.Errorf("%d of %d files are imported, then: %w", n, len(ready), err)
		}
		if len(done) == 1 {
			out[i] = done[0]
		}
	}
	return nil
}

func (g *global) printImport(cmd *cobra.Command, out []admin.ImportedFile, yes bool) error {
	count := map[string]int{}
	for _, f := range out {
		count[f.State]++
	}
	if g.json {
		if err := printJSON(cmd.OutOrStdout(), out); err != nil {
			return err
		}
	} else if err := listImport(cmd.OutOrStdout(), out); err != nil {
		return err
	}
	left := count[admin.ImportRefused] + count[admin.ImportUnserved]
	switch {
	case !yes && count[admin.ImportReady] == 0:
		fmt.Fprintln(cmd.ErrOrStderr(), "there is nothing to import")
	case !yes:
		fmt.Fprintf(cmd.ErrOrStderr(), "nothing is imported yet: repeat it with --yes to import %d of %d files\n", count[admin.ImportReady], len(out))
	case left > 0:
		return fmt.Errorf("%d of %d files were not imported; the list says why", left, len(out))
	}
	return nil
}

func listImport(w io.Writer, out []admin.ImportedFile) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "FILE\tSTATE\tPROVIDER\tTAKES OVER\tNOT UNDERSTOOD\tNOTE")
	for _, f := range out {
		note := f.Reason
		if f.ID != "" {
			note = strings.TrimSpace(f.ID + " " + note)
		}
		fmt.Fprintf(tw, "%q\t%s\t%s\t%s\t%s\t%s\n", f.Name, f.State, dash(f.Provider), dash(strings.Join(f.Fields, ",")), dash(strings.Join(f.NotUnderstood, ",")), note)
	}
	return tw.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
