package bench

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// module is left out of the names of packages.
const module = "github.com/patchbay-dev/patchbay/"

// Print writes a report for people. The error is w's.
func Print(w io.Writer, r *Report) error {
	fmt.Fprintf(w, "%s run, %s, %s, %d processors (%s), load average before: %s\n", r.Plan, r.Go, r.Platform, r.CPUs, r.CPU, r.LoadBefore)
	fmt.Fprintln(w, "Medians over the rounds. CPU and memory are of the target's process; direct's are the upstream's.")
	for _, s := range r.Scenarios {
		fmt.Fprintf(w, "\n%s, %d rounds\n", s.Name, s.Rounds)
		tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
		if s.Stream {
			fmt.Fprintln(tw, "target\tevents\tfirst p50 ms\tfirst p99 ms\tdelay p50 ms\tdelay p99 ms\tCPU µs/event\tCPU µs/stream\tRSS MiB\t")
		} else {
			fmt.Fprintln(tw, "target\trequests/s\tof floor\tspread\tp50 µs\tp99 µs\tCPU µs/request\tRSS MiB\t")
		}
		for _, row := range s.Rows {
			if s.Stream {
				fmt.Fprintf(tw, "%s\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.1f\t%.0f\t%.1f\t\n", row.Target, row.Events, row.P50/1000, row.P99/1000,
					row.DelayP50/1000, row.DelayP99/1000, row.CPUEvent, row.CPURequest, row.Memory)
			} else {
				fmt.Fprintf(tw, "%s\t%.0f\t%.2f\t%.2f-%.2f\t%.0f\t%.0f\t%.1f\t%.1f\t\n", row.Target, row.Rate, row.RateRatio, row.RateLow, row.RateHigh,
					row.P50, row.P99, row.CPURequest, row.Memory)
			}
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	if err := errors.Join(printMicro(w, r.Micro), printBudgets(w, r.Budgets)); err != nil {
		return err
	}
	if r.Took > 0 {
		fmt.Fprintf(w, "\ntook %.0f s\n", r.Took)
	}
	return nil
}

func printMicro(w io.Writer, micro []Micro) error {
	if len(micro) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nmicro-benchmarks")
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, m := range micro {
		var values []string
		for _, unit := range slices.Sorted(maps.Keys(m.Values)) {
			if unit != "B/op" {
				values = append(values, number(m.Values[unit])+" "+unit)
			}
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", strings.TrimPrefix(m.Package, module), m.Name, strings.Join(values, ", "))
	}
	return tw.Flush()
}

func printBudgets(w io.Writer, budgets []Budget) error {
	if len(budgets) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nbudgets")
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, b := range budgets {
		side, verdict := "≤", "pass"
		if b.AtLeast {
			side = "≥"
		}
		if !b.Pass {
			verdict = "FALLS SHORT"
		}
		rounds := ""
		if b.Low != b.High {
			rounds = fmt.Sprintf("(%s to %s)", number(b.Low), number(b.High))
		}
		fmt.Fprintf(tw, "%s\t%s %s\t%s\t%s %s\t%s\n", b.Name, number(b.Measured), b.Unit, rounds, side, number(b.Limit), verdict)
	}
	return tw.Flush()
}

// number shows three digits that count.
func number(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
