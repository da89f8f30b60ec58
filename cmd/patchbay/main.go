// Command patchbay stands between programs that speak an LLM API and the
// providers that serve one. `patchbay --help` teaches the rest.
package main

import (
	"fmt"
	"os"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(run()) }

func run() int {
	s, release := watchSignals()
	defer release()
	if err := root(s.hard).ExecuteContext(s.soft); err != nil {
		fmt.Fprintln(os.Stderr, "patchbay: "+err.Error())
		return exitCode(err)
	}
	return exitDone
}
