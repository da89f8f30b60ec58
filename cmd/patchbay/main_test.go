package main

import (
	"fmt"
	"net/http"
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

// TestMain lets the scripts run this binary as patchbay, and as the browser that
// patchbay opens: one whose person agrees to everything.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){
		"patchbay": func() { os.Exit(run()) },
		"xdg-open": browse,
	})
}

// browse visits an address and goes wherever it is sent.
func browse() {
	resp, err := http.Get(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	resp.Body.Close()
	os.Exit(0)
}
