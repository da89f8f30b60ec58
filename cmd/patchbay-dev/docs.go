package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/cmd/patchbay-dev/internal/docs"
	"github.com/patchbay-dev/patchbay/host/config"
)

func docsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "docs",
		Short:   "Write the reference of the configuration anew",
		Long:    "Write the generated part of docs/configuration.md anew, from the schema of the\nconfiguration file. A test fails while it is stale.",
		Example: "  go run ./cmd/patchbay-dev docs",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := filepath.Join("docs", "configuration.md")
			page, err := os.ReadFile(path)
			if err != nil {
				return fmt.Errorf("%w; run it in the repository", err)
			}
			fresh, err := docs.Configuration(page, config.Schema())
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if bytes.Equal(page, fresh) {
				return nil
			}
			fmt.Fprintln(cmd.OutOrStdout(), "wrote "+path)
			return os.WriteFile(path, fresh, 0o644)
		},
	}
}
