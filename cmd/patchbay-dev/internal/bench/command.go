package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// readyLine is what the server says on its standard output once it is.
var readyLine = regexp.MustCompile(`is ready on http://(\S+)`)

// runCommand runs the real binary, and ends it when the parent goes, however
// the parent went. What it logs goes to a file, as it would under a supervisor.
func runCommand(ctx context.Context, r role, p *parent) error {
	log, err := os.Create(r.Log)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(r.Command[0], r.Command[1:]...)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", r.Command[0], err)
	}
	gone := p.gone()
	found := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
				found <- m[1]
				break
			}
		}
		_, _ = io.Copy(io.Discard, out)
	}()
	end := func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
		timer := time.AfterFunc(stopTime/2, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		<-read
		return cmd.Wait()
	}
	select {
	case addr := <-found:
		if err := p.tell(ready{Addr: addr, PID: cmd.Process.Pid}); err != nil {
			return errors.Join(err, end())
		}
	case <-read:
		return errors.Join(errors.New(lastLine(r.Log)), end())
	case <-gone:
		return end()
	case <-ctx.Done():
		return end()
	}
	select {
	case <-gone:
	case <-ctx.Done():
	}
	_ = end() // how it ended does not matter any more
	return nil
}

// lastLine of what a server logged says best why it did not start.
func lastLine(file string) string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return lines[len(lines)-1]
}
