package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"
)

// ProfileTime is how long a profile takes when nobody says.
const ProfileTime = 10 * time.Second

// ProfileOptions say what to profile.
type ProfileOptions struct {
	Options
	// Out is the directory for the files. It is required.
	Out string
	// Form is sandboxed, native or reverseproxy.
	Form string
	// Connections of the load generator; Stream asks for streams.
	Connections int
	Stream      bool
	// For is how long; 0 means ProfileTime.
	For time.Duration
}

// profileOrder is a line to a target that takes profiles.
type profileOrder struct {
	// Start begins the CPU profile; without it everything is written.
	Start bool `json:"start"`
}

// underProfile waits until the parent goes, and takes profiles as it says.
func underProfile(ctx context.Context, r role, p *parent) error {
	if r.Profile == "" {
		select {
		case <-p.gone():
		case <-ctx.Done():
		}
		return nil
	}
	var cpu *os.File
	for {
		var o profileOrder
		if p.next(&o) != nil {
			return nil
		}
		var err error
		if o.Start {
			if cpu, err = os.Create(filepath.Join(r.Profile, r.Name+".cpu.pprof")); err == nil {
				err = pprof.StartCPUProfile(cpu)
			}
		} else {
			pprof.StopCPUProfile()
			err = errors.Join(cpu.Close(), writeProfile(r, "allocs"), writeProfile(r, "goroutine"))
		}
		answer := ready{}
		if err != nil {
			answer.Error = err.Error()
		}
		if err := p.tell(answer); err != nil {
			return err
		}
	}
}

func profileFile(r role, name string) string {
	return filepath.Join(r.Profile, r.Name+"."+name+".pprof")
}

func writeProfile(r role, name string) error {
	runtime.GC() // the profile of allocations is as of the last collection
	f, err := os.Create(profileFile(r, name))
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup(name).WriteTo(f, 0), f.Close())
}

// Profile takes profiles of one target under load and returns their files.
func Profile(ctx context.Context, o ProfileOptions) (files []string, err error) {
	switch {
	case !supported:
		return nil, ErrPlatform
	case o.Out == "":
		return nil, errors.New("say where the profiles go: --out DIR")
	case o.Form != "sandboxed" && o.Form != "native" && o.Form != "reverseproxy":
		return nil, fmt.Errorf("there is no form %q: sandboxed, native or reverseproxy", o.Form)
	}
	if o.For <= 0 {
		o.For = ProfileTime
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return nil, err
	}
	b, err := newBench(ctx, o.Options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	r := role{Name: o.Form, Upstream: b.upstream.Addr, Dir: b.dir, Cache: b.cache, Plugin: b.plugin, Profile: o.Out}
	target, err := b.spawn.start(b.ctx, r)
	if err != nil {
		return nil, err
	}
	defer target.stop()
	round := func(j job) error {
		s, err := b.round(j, target)
		b.logf("%.0f requests, CPU %.1f µs each, %.1f µs an event", s.Requests, s.CPURequest, s.CPUEvent)
		return err
	}
	j := job{Connections: o.Connections, Stream: o.Stream, Warm: time.Second / 2, Window: time.Second}
	if err := round(j); err != nil {
		return nil, err
	}
	b.logf("profiling %s for %s", o.Form, o.For)
	if err := order(target, true); err != nil {
		return nil, err
	}
	j.Window = o.For
	for end := time.Now().Add(o.For); err == nil && (o.Stream && time.Now().Before(end) || j.Window > 0); j.Window = 0 {
		err = round(j)
	}
	if err := errors.Join(err, order(target, false)); err != nil {
		return nil, err
	}
	return []string{profileFile(r, "cpu"), profileFile(r, "allocs"), profileFile(r, "goroutine")}, nil
}

func order(target *child, start bool) error {
	var answer ready
	if err := target.ask(profileOrder{Start: start}, &answer); err != nil {
		return err
	}
	if answer.Error != "" {
		return errors.New(answer.Error)
	}
	return nil
}
