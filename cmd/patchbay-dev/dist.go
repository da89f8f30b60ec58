package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/cmd/patchbay-dev/internal/dist"
)

func distCommand() *cobra.Command {
	var (
		o    = dist.Options{Root: "."}
		only []string
	)
	c := &cobra.Command{
		Use:   "dist --out DIR",
		Short: "Build a release: archives, bills of materials, checksums",
		Long: `Build a release of the commit that is checked out: for each platform a static
binary in an archive, with its licences, and a CycloneDX bill of materials; and
SHA256SUMS over all of it. The same commit and the same Go give the same bytes.`,
		Example: "  patchbay-dev dist --out dist\n  patchbay-dev dist --out dist --platform linux/arm64",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Platforms, err = platforms(only); err != nil {
				return err
			}
			if o.Release, err = dist.Describe(cmd.Context(), o.Root); err != nil {
				return err
			}
			if o.Release.Dirty() {
				fmt.Fprintln(cmd.ErrOrStderr(), "the working tree has changes: nobody can build this release again")
			}
			o.Progress = cmd.OutOrStdout()
			return dist.Build(cmd.Context(), o)
		},
	}
	c.Flags().StringVar(&o.Out, "out", "", "the directory to fill; it must be empty, or not there")
	c.Flags().StringSliceVar(&only, "platform", nil, "only these, OS/ARCH (default: all)")
	return c
}

// platforms reads OS/ARCH arguments.
func platforms(names []string) ([]dist.Platform, error) {
	var found []dist.Platform
	for _, name := range names {
		os, arch, _ := strings.Cut(name, "/")
		p := dist.Platform{OS: os, Arch: arch}
		if !slices.Contains(dist.Platforms, p) {
			return nil, fmt.Errorf("--platform %s: there are %v", name, dist.Platforms)
		}
		found = append(found, p)
	}
	return found, nil
}
