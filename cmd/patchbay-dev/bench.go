package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/cmd/patchbay-dev/internal/bench"
)

func benchCommand() *cobra.Command {
	var (
		o              = bench.Options{Child: childName}
		quick          bool
		jsonOut, rawTo string
	)
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure Patchbay against httputil.ReverseProxy, in one run",
		Long: `Measure Patchbay against httputil.ReverseProxy, the floor, on this machine: load
generator, upstream and targets each in a process of their own, over real TCP on
loopback, the targets in turns. Every budget is a ratio between two of them, or a
micro-benchmark of the repository. The table goes to standard output, progress to
standard error. A budget that falls short is told, and is not an error.

The first run compiles ten modules, which takes a minute; later ones find them in
the user's cache directory.`,
		Example: "  patchbay-dev bench --json bench.json\n  patchbay-dev bench --quick --patchbay bin/patchbay",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Plan = bench.Full()
			if quick {
				o.Plan = bench.Quick()
			}
			o.Progress = cmd.ErrOrStderr()
			report, err := bench.Run(cmd.Context(), o)
			if report == nil {
				return err
			}
			err = joined(err, bench.Print(cmd.OutOrStdout(), report))
			if jsonOut != "" {
				err = joined(err, writeFile(jsonOut, func(w io.Writer) error { return indented(w, report) }))
			}
			if rawTo != "" {
				err = joined(err, writeFile(rawTo, func(w io.Writer) error { _, err := io.WriteString(w, report.Raw); return err }))
			}
			return err
		},
	}
	f := c.Flags()
	f.BoolVar(&quick, "quick", false, "a smoke run of half a minute; its numbers are rough")
	f.StringVar(&jsonOut, "json", "", "write the report to this file, as JSON")
	f.StringVar(&rawTo, "benchstat", "", "write the output of the micro-benchmarks to this file, for benchstat")
	built(c, &o)
	return c
}

// built adds the flags that say what is built already.
func built(c *cobra.Command, o *bench.Options) {
	c.Flags().StringVar(&o.Patchbay, "patchbay", "", "the patchbay binary (default: build it)")
	c.Flags().StringVar(&o.Plugin, "plugin", "", "the openai-compatible plugin (default: build it)")
}

func profileCommand() *cobra.Command {
	o := bench.ProfileOptions{Options: bench.Options{Child: childName}}
	c := &cobra.Command{
		Use:     "profile --out DIR",
		Short:   "Take CPU and allocation profiles of Patchbay under load",
		Long:    "Take CPU and allocation profiles of Patchbay under load, for go tool pprof. The\nserver is put together in a process of ours, as the product listens for no profiler.",
		Example: "  patchbay-dev profile --form sandboxed --connections 32 --out prof\n  patchbay-dev profile --stream --connections 200 --out prof",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Progress = cmd.ErrOrStderr()
			files, err := bench.Profile(cmd.Context(), o)
			for _, f := range files {
				fmt.Fprintln(cmd.OutOrStdout(), f)
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&o.Out, "out", "", "directory for the profiles")
	f.StringVar(&o.Form, "form", "sandboxed", "form of the provider: sandboxed or native; or reverseproxy, for comparison")
	f.IntVar(&o.Connections, "connections", 32, "connections of the load generator")
	f.BoolVar(&o.Stream, "stream", false, "streams instead of whole answers")
	f.DurationVar(&o.For, "for", bench.ProfileTime, "how long")
	built(c, &o.Options)
	return c
}

// childName is the hidden command that runs one process of a benchmark.
const childName = "bench-child"

func childCommand() *cobra.Command {
	return &cobra.Command{
		Use: childName, Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return bench.Child(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

func indented(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
