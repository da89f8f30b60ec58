package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Options say what to measure and with what.
type Options struct {
	// Plan says how much; the zero value measures nothing.
	Plan Plan
	// Child is the subcommand of this program that calls Child.
	Child string
	// Program is this program; empty means the running one.
	Program string
	// Patchbay is the server's binary and Plugin the openai-compatible plugin;
	// what is empty is built, by the go on PATH, from the repository that the
	// working directory is in.
	Patchbay, Plugin string
	// Progress gets a line now and then; nil means none.
	Progress io.Writer
}

// Run measures. A report that comes with an error is what there was until
// then. Nothing that it started is left when it returns.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	if !supported {
		return nil, ErrPlatform
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.Plan.Limit, fmt.Errorf("the benchmark took longer than %s", o.Plan.Limit))
	defer cancel()
	started := time.Now()
	model, load := machine()
	b, err := newBench(ctx, o)
	if err != nil {
		return nil, explained(ctx, err)
	}
	defer func() { err = explained(ctx, errors.Join(err, b.close())) }()
	r := &Report{
		Plan: o.Plan.Name, Started: started.UTC().Round(time.Second), Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, CPU: model, CPUs: runtime.NumCPU(), LoadBefore: load,
	}
	var rounds []roundsOf
	for _, s := range scenariosOf(o.Plan) {
		measured, err := b.measure(s)
		if err != nil {
			return r, err
		}
		rounds = append(rounds, measured)
		r.Scenarios = append(r.Scenarios, measured.reduce())
	}
	starts, err := b.measureStarts()
	if err != nil {
		return r, err
	}
	if r.Micro, r.Raw, err = b.measureMicro(); err != nil {
		return r, err
	}
	r.Micro = append(r.Micro, starts.micro())
	r.Budgets = budgets(rounds, r.Micro, starts)
	r.Took = time.Since(started).Seconds()
	return r, nil
}

// explained says why ctx ended, when that is what err comes from.
func explained(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return context.Cause(ctx)
}

// bench is a run: what is built and what runs all along.
type bench struct {
	ctx   context.Context
	opts  Options
	spawn spawner
	dir   string // removed at the end
	root  string // of the repository
	cache string // compiled modules, kept from run to run

	patchbay, plugin string
	forms            string            // the module of testdata/forms, once it is needed
	servers          map[string]server // those prepared, by target
	upstream         *child
	load             *loader
}

// newBench builds what is not there and starts the upstream and the load
// generator.
func newBench(ctx context.Context, o Options) (_ *bench, err error) {
	b := &bench{ctx: ctx, opts: o, patchbay: o.Patchbay, plugin: o.Plugin, servers: map[string]server{}}
	if b.spawn = (spawner{program: o.Program, subcommand: o.Child}); o.Program == "" {
		if b.spawn.program, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	if b.dir, err = os.MkdirTemp("", "patchbay-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if err := b.build(); err != nil {
		return nil, err
	}
	if b.upstream, err = b.spawn.start(ctx, role{Name: "upstream"}); err != nil {
		return nil, err
	}
	generator, err := b.spawn.start(ctx, role{Name: "load"})
	if err != nil {
		return nil, err
	}
	b.load = &loader{generator}
	return b, nil
}

func (b *bench) close() error {
	if b.load != nil {
		b.load.stop()
	}
	if b.upstream != nil {
		b.upstream.stop()
	}
	return os.RemoveAll(b.dir)
}

func (b *bench) logf(format string, args ...any) {
	if b.opts.Progress != nil {
		fmt.Fprintf(b.opts.Progress, "bench: "+format+"\n", args...)
	}
}

func (b *bench) file(name string) string { return filepath.Join(b.dir, name) }

// loader is the load generator, as seen from here.
type loader struct{ *child }

// run lets it do a job; each is told of every mark, as it comes.
func (l *loader) run(j job, each func(mark) error) (*result, error) {
	if err := l.tell(j); err != nil {
		return nil, err
	}
	for {
		var m mark
		if err := l.hear(&m); err != nil {
			return nil, err
		}
		if err := each(m); err != nil {
			return nil, err
		}
		if m.Name == markEnd {
			return m.Result, nil
		}
	}
}
