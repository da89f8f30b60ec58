package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// progress tells a person that something takes long. On a terminal it is one
// line that is drawn anew and goes away; elsewhere a line at the start, and one
// for each tenth of what can be counted.
type progress struct {
	w        io.Writer
	what     string
	terminal bool
	start    time.Time
	stop     chan struct{}
	done     sync.WaitGroup

	mu     sync.Mutex // guards count, and keeps writes whole
	count  string
	tenths int
}

// redraw is how often a terminal's line is drawn.
const redraw = 250 * time.Millisecond

// startProgress begins to tell of what. The caller ends it.
func startProgress(w io.Writer, what string) *progress {
	return newProgress(w, what, isTerminal(w))
}

func newProgress(w io.Writer, what string, terminal bool) *progress {
	p := &progress{w: w, what: what, terminal: terminal, start: time.Now(), stop: make(chan struct{})}
	if !p.terminal {
		fmt.Fprintln(w, what)
		return p
	}
	p.draw()
	p.done.Go(func() {
		tick := time.NewTicker(redraw)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.draw()
			case <-p.stop:
				return
			}
		}
	})
	return p
}

// step says that the nth of all is being worked on.
func (p *progress) step(n, all int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count = fmt.Sprintf(" %d/%d", n, all)
	if tenths := 10 * n / all; !p.terminal && tenths > p.tenths {
		p.tenths = tenths
		fmt.Fprintf(p.w, "%s:%s\n", p.what, p.count)
	}
}

func (p *progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.w, "\r\x1b[K%s%s … %s", p.what, p.count, time.Since(p.start).Round(time.Second))
}

// Write writes what another has to say, above the line.
func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
	return p.w.Write(b)
}

// end takes the line away.
func (p *progress) end() {
	close(p.stop)
	p.done.Wait()
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// isTerminal reports whether a person sees what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
