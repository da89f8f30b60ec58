package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/cmd/patchbay-dev/internal/soak"
)

func soakCommand() *cobra.Command {
	var o soak.Options
	c := &cobra.Command{
		Use:   "soak",
		Short: "Do everything at once to a manager, and compare it with a model",
		Long: `Let eight goroutines pick, mark, register, update, remove, refresh and reload at
random on 1,000 credentials, and compare the manager with a model ten times.
Build it with the race detector, as make soak does. A violation is an error.`,
		Example: "  go run -race ./cmd/patchbay-dev soak --for 10s",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Seed == 0 {
				o.Seed = rand.Uint64()
			}
			o.Progress = cmd.ErrOrStderr()
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "seed %d\n", o.Seed)
			r, err := soak.Run(cmd.Context(), o)
			if r == nil {
				return err
			}
			for _, name := range slices.Sorted(maps.Keys(r.Done)) {
				fmt.Fprintf(out, "%-10s %d\n", name, r.Done[name])
			}
			fmt.Fprintf(out, "%-10s %d\n", "comparisons", r.Rests)
			for _, told := range r.Told {
				fmt.Fprintln(out, "violation: "+told)
			}
			fmt.Fprintf(out, "%d violations\n", r.Violations)
			if err == nil && r.Violations > 0 {
				err = fmt.Errorf("the manager and the model differ %d times; run again with --seed %d", r.Violations, r.Seed)
			}
			return err
		},
	}
	c.Flags().DurationVar(&o.For, "for", time.Minute, "how long")
	c.Flags().Uint64Var(&o.Seed, "seed", 0, "seed of what is random; 0 means a new one")
	return c
}
