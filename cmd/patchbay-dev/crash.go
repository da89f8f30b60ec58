package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/cmd/patchbay-dev/internal/crash"
)

// crashChildName is the hidden command that runs the process of a round.
const crashChildName = "crash-child"

func crashCommand() *cobra.Command {
	var (
		o       crash.Options
		without string
	)
	c := &cobra.Command{
		Use:   "crash",
		Short: "Kill a server in the middle of refreshes, and look whether a credential is lost",
		Long: `Kill a server in the middle of refreshes, and look whether a credential is lost.

Each round starts a process with the real manager and the real store, which
refreshes at a strict server: a refresh token is good for one use, and a second use
revokes all that came from its login. The process is killed at each point of the
protocol and at random moments, its disk is full or fails, or its files are damaged
before it starts. Afterwards the store must hold a token that the server accepts for
each credential, or say that it cannot know. It ends with an error when it does not.

With --bbolt the process is built on a copy of bbolt that can be killed, or fail,
within a commit; run it in the repository then.

With --without R2 the refresh is not noted before the provider is asked. Then a
token is lost, and it is an error when none is.`,
		Example: "  patchbay-dev crash --rounds 500\n  patchbay-dev crash --rounds 25 --seed 7\n  patchbay-dev crash --rounds 5 --without R2",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if without != "" && without != "R2" {
				return fmt.Errorf("--without %s: only R2 can be taken out", without)
			}
			self, err := os.Executable()
			if err != nil {
				return err
			}
			if o.Bbolt {
				dir, err := os.MkdirTemp("", "patchbay-crash-bbolt-")
				if err != nil {
					return err
				}
				defer os.RemoveAll(dir)
				fmt.Fprintln(cmd.ErrOrStderr(), "building on a bbolt that can fail")
				if self, err = crash.BuildWithBbolt(cmd.Context(), ".", dir); err != nil {
					return err
				}
			}
			o.Child, o.WithoutR2, o.Progress = []string{self, crashChildName}, without != "", cmd.ErrOrStderr()
			if o.Seed == 0 {
				o.Seed = uint64(time.Now().UnixNano())
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%d rounds, seed %d\n", o.Rounds, o.Seed)
			report, err := crash.Run(cmd.Context(), o)
			if report == nil {
				return err
			}
			err = joined(err, crash.Print(cmd.OutOrStdout(), report))
			switch {
			case err != nil:
				return err
			case o.WithoutR2 && len(report.Lost) == 0:
				return fmt.Errorf("without R2 nothing was lost: the rounds do not look where it counts")
			case !o.WithoutR2 && len(report.Lost) > 0:
				return fmt.Errorf("%d credentials were lost; the same plan again: --seed %d", len(report.Lost), o.Seed)
			}
			return nil
		},
	}
	f := c.Flags()
	f.IntVar(&o.Rounds, "rounds", 500, "how many processes to start")
	f.Uint64Var(&o.Seed, "seed", 0, "what the plan is drawn from (default: the time)")
	f.BoolVar(&o.Bbolt, "bbolt", false, "kill and fail inside bbolt's commits too; builds its own binary")
	f.StringVar(&without, "without", "", "R2: take the intent out of the protocol, to show what it is good for")
	return c
}

func crashChildCommand() *cobra.Command {
	return &cobra.Command{
		Use: crashChildName, Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return crash.Child(cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}
