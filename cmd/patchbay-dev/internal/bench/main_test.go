package bench

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// childArg makes this test binary one process of a benchmark, as the hidden
// command makes patchbay-dev one.
const childArg = "bench-child"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childArg {
		if err := Child(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}
