//go:build !windows

package main

import (
	"io"
	"os"
	"os/exec"
)

// hideInput has a terminal not show what is typed. The function that it returns
// undoes that, and reports whether there was something to undo.
func hideInput(in io.Reader) (show func() bool) {
	set := func(flag string) bool {
		f, ok := in.(*os.File)
		if !ok || !isTerminal(f) {
			return false
		}
		c := exec.Command("stty", flag)
		c.Stdin = f
		return c.Run() == nil
	}
	hidden := set("-echo")
	return func() bool { return hidden && set("echo") }
}
