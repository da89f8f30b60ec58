package crash

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Print writes a report: the rounds by point and kind, what was lost, and the
// sum in the last line.
func Print(w io.Writer, r *Report) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "KILLED AT, OR DONE\tROUNDS")
	for _, name := range r.Names {
		fmt.Fprintf(tw, "%s\t%d\n", name, r.ByName[name])
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d refreshes; %d times a store said that it cannot know; %d new logins; slowest start %v\n",
		r.Rotated, r.Unsure, r.Logins, r.SlowestStart.Round(time.Millisecond))
	for _, what := range r.Lost {
		fmt.Fprintln(w, "LOST", what)
	}
	_, err := fmt.Fprintf(w, "%d rounds, %d kills, %d lost\n", r.Rounds, r.Kills, len(r.Lost))
	return err
}
