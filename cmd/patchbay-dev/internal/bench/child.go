package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// ErrPlatform is returned where there is no /proc to read.
var ErrPlatform = errors.New("the benchmark reads processor time and memory from /proc: run it on linux")

// role says what a child is. It is the first line of a child's input.
type role struct {
	// Name is upstream, load, reverseproxy, native, sandboxed or command.
	Name string `json:"name"`
	// Upstream is the upstream's address, for targets.
	Upstream string `json:"upstream,omitempty"`
	// Command is what the role command runs, and Log the file for its
	// standard error.
	Command []string `json:"command,omitempty"`
	Log     string   `json:"log,omitempty"`
	// Plugin, Dir and Cache are the module, a directory to work in and the
	// compile cache, for sandboxed. Dir holds the log of native and sandboxed.
	Plugin string `json:"plugin,omitempty"`
	Dir    string `json:"dir,omitempty"`
	Cache  string `json:"cache,omitempty"`
	// Profile is where profiles go; empty takes none.
	Profile string `json:"profile,omitempty"`
}

// ready is a child's first answer.
type ready struct {
	// Addr is where it listens; empty for the load generator.
	Addr string `json:"addr,omitempty"`
	// PID is the process that does the work.
	PID int `json:"pid"`
	// Key is a client key that it accepts, when it wants one of its own.
	Key   string `json:"key,omitempty"`
	Error string `json:"error,omitempty"`
}

// child is a process of ours, the leader of a process group. It ends when its
// input does, so it never outlives us, however we end.
type child struct {
	name string
	ready
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	// unwatch stops the watch on the context.
	unwatch func() bool
}

// spawner starts children: this program, with the hidden subcommand.
type spawner struct{ program, subcommand string }

// start starts a child and waits until it is ready. The child is killed when
// ctx ends.
func (s spawner) start(ctx context.Context, r role) (*child, error) {
	cmd := exec.Command(s.program, s.subcommand)
	cmd.Stderr = os.Stderr
	ownGroup(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the process of %s: %w", r.Name, err)
	}
	c := &child{name: r.Name, cmd: cmd, in: in, out: bufio.NewReader(out)}
	c.unwatch = context.AfterFunc(ctx, func() { killGroup(cmd.Process.Pid) })
	if err := c.ask(r, &c.ready); err != nil {
		c.stop()
		return nil, errors.Join(ctx.Err(), err)
	}
	if c.Error != "" {
		c.stop()
		return nil, fmt.Errorf("%s did not start: %s", c.name, c.Error)
	}
	return c, nil
}

// tell writes one line of the child's input.
func (c *child) tell(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write to the process of %s: %w", c.name, err)
	}
	return nil
}

// hear reads one line of the child's output.
func (c *child) hear(v any) error {
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("the process of %s ended: %w", c.name, err)
	}
	return json.Unmarshal(line, v)
}

func (c *child) ask(question, answer any) error {
	if err := c.tell(question); err != nil {
		return err
	}
	return c.hear(answer)
}

// stopTime is how long a child has to end by itself.
const stopTime = 10 * time.Second

// stop ends the child and whatever it started, and waits for it.
func (c *child) stop() {
	c.in.Close()
	timer := time.AfterFunc(stopTime, func() { killGroup(c.cmd.Process.Pid) })
	defer timer.Stop()
	_, _ = io.Copy(io.Discard, c.out) // until the last of the group closed it
	_ = c.cmd.Wait()                  // how it ended does not matter any more
	killGroup(c.cmd.Process.Pid)
	c.unwatch()
}

// Child runs one process of a benchmark: it reads its role from in, answers on
// out, and works until in or ctx ends.
func Child(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := bufio.NewReader(in)
	first, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("this command is for patchbay-dev itself: %w", err)
	}
	var r role
	if err := json.Unmarshal(first, &r); err != nil {
		return fmt.Errorf("read the role: %w", err)
	}
	p := &parent{lines: lines, out: json.NewEncoder(out)}
	run, ok := roles[r.Name]
	if !ok {
		return p.tell(ready{Error: fmt.Sprintf("there is no role %q", r.Name)})
	}
	if err := run(ctx, r, p); err != nil {
		return p.tell(ready{Error: err.Error()})
	}
	return nil
}

// roles are what a child can be. Each returns an error only before it said
// that it is ready; it returns when the parent's lines end or ctx does.
var roles = map[string]func(context.Context, role, *parent) error{
	"upstream":     runUpstream,
	"load":         runLoad,
	"reverseproxy": runReverseProxy,
	"native":       runInProcess,
	"sandboxed":    runInProcess,
	"command":      runCommand,
}

// parent is the other end of a child's pipes.
type parent struct {
	lines *bufio.Reader
	out   *json.Encoder
}

func (p *parent) tell(v any) error { return p.out.Encode(v) }

// next reads the parent's next line; an error is the end.
func (p *parent) next(v any) error {
	line, err := p.lines.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, v)
}

// gone returns a channel that is closed when the parent said its last. Nobody
// else may read its lines.
func (p *parent) gone() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, p.lines)
	}()
	return done
}
