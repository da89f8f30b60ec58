package main

import (
	"io"
	"os"
	"syscall"
)

// enableEcho is ENABLE_ECHO_INPUT of the console.
const enableEcho = 0x4

var setConsoleMode = syscall.NewLazyDLL("kernel32.dll").NewProc("SetConsoleMode")

// hideInput has a console not show what is typed. The function that it returns
// undoes that, and reports whether there was something to undo.
func hideInput(in io.Reader) (show func() bool) {
	f, ok := in.(*os.File)
	var mode uint32
	if !ok || syscall.GetConsoleMode(syscall.Handle(f.Fd()), &mode) != nil {
		return func() bool { return false }
	}
	set := func(mode uint32) bool {
		done, _, _ := setConsoleMode.Call(f.Fd(), uintptr(mode))
		return done != 0
	}
	hidden := set(mode &^ enableEcho)
	return func() bool { return hidden && set(mode) }
}
