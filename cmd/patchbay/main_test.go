package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// leakChecked runs the tests, then looks for goroutines that nobody waits for.
type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	code := l.m.Run()
	if code != 0 {
		return code
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "goroutines left behind:", err)
		return 1
	}
	return 0
}

// TestMain lets the scripts run this binary as patchbay.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){
		"patchbay": func() { os.Exit(run()) },
	})
}
