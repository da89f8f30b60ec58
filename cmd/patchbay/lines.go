package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// lines reads what a person types, line by line. A read cannot be called off, so
// one goroutine does all of them; it ends with the input, or with the process.
type lines struct {
	in  io.Reader
	get chan struct{}
	got chan line
	// asked: a line was asked for and has not been taken yet.
	asked bool
}

type line struct {
	text string
	err  error
}

func newLines(in io.Reader) *lines { return &lines{in: in} }

// Read reads the input itself, for who takes all of it.
func (l *lines) Read(p []byte) (int, error) { return l.in.Read(p) }

// errNoAnswer is an input that has ended.
var errNoAnswer = errors.New("there is no answer on standard input")

// ask shows what is asked for, and returns the line that is typed, without what
// ends it. With hide it is not shown while it is typed. It is not for concurrent
// use.
func (l *lines) ask(ctx context.Context, out io.Writer, what string, hide bool) (string, error) {
	fmt.Fprintf(out, "%s: ", what)
	if hide {
		shown := hideInput(l.in)
		defer func() {
			if shown() {
				fmt.Fprintln(out) // the person's own line end was not shown
			}
		}()
	}
	if l.get == nil {
		l.get, l.got = make(chan struct{}), make(chan line)
		go l.read()
	}
	if !l.asked {
		select {
		case l.get <- struct{}{}:
			l.asked = true
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	select {
	case got := <-l.got:
		l.asked = false
		return got.text, got.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (l *lines) read() {
	r := bufio.NewReader(io.LimitReader(l.in, maxSecret))
	for range l.get {
		text, err := r.ReadString('\n')
		switch {
		case err != nil && text == "":
			err = errNoAnswer
		default:
			err = nil
		}
		l.got <- line{strings.TrimRight(text, "\r\n"), err}
	}
}

// printable makes a text of somebody else's fit for a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}
