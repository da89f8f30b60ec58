package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"runtime"
	"strings"
	"sync"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/login"
)

// errSlow is a login page that nobody came back from.
var errSlow = errors.New("the login took too long: begin again")

// visited is how a prompt for a browser ended.
type visited struct {
	state admin.LoginState
	err   error
}

// visit sends the person to a login page and waits until the browser comes back,
// or, when it is on another machine, until its last address is pasted.
func (l *loggingIn) visit(ctx context.Context, state admin.LoginState, back *login.Listener) (admin.LoginState, error) {
	p := state.Prompt
	l.say(p.Message)
	fmt.Fprintf(l.out, "Open this page and log in:\n  %s\n", printable(p.URL))
	l.open(p.URL)

	waiting, stop := context.WithDeadlineCause(ctx, state.Ends, errSlow)
	defer stop()
	ended := make(chan visited, 2)
	var owned sync.WaitGroup
	defer owned.Wait()
	defer stop()
	answer := func(ctx context.Context, a admin.LoginAnswer) (again bool, err error) {
		a.ID = l.id
		next, err := l.ops.ContinueLogin(ctx, a)
		if err != nil && goesOn(err) {
			l.say(err.Error())
			return true, err
		}
		ended <- visited{next, err}
		return false, err
	}
	owned.Go(func() {
		err := back.Serve(waiting, func(ctx context.Context, query string, header http.Header) (bool, error) {
			return answer(ctx, admin.LoginAnswer{Query: &query, Header: header})
		})
		if err != nil && waiting.Err() == nil {
			ended <- visited{err: err}
		}
	})
	if l.browser {
		fmt.Fprintln(l.out, "Waiting for the browser to come back; Ctrl-C ends the login")
	} else {
		owned.Go(func() { l.pasted(waiting, answer) })
	}
	select {
	case v := <-ended:
		return v.state, v.err
	case <-waiting.Done():
		return state, context.Cause(waiting)
	}
}

// pasted takes addresses from the terminal until one is right.
func (l *loggingIn) pasted(ctx context.Context, answer func(context.Context, admin.LoginAnswer) (bool, error)) {
	for again := true; again; {
		text, err := l.lines.ask(ctx, l.out, "If that browser is on another machine, paste the address at which it ended", true)
		if err != nil {
			return // nobody pastes; the browser may still come back
		}
		again, _ = answer(ctx, admin.LoginAnswer{Paste: &text}) // it was told
	}
}

// open opens a page in the person's browser, if that is wanted.
func (l *loggingIn) open(page string) {
	if !l.browser || !strings.HasPrefix(page, "https://") && !strings.HasPrefix(page, "http://") {
		return
	}
	name, args := "xdg-open", []string{page}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", page}
	}
	// It outlives the command: a browser may stay in the foreground.
	c := exec.Command(name, args...)
	if err := c.Start(); err != nil {
		fmt.Fprintln(l.out, "No browser could be opened: open the page yourself")
		return
	}
	_ = c.Process.Release() // nobody waits for it
}
