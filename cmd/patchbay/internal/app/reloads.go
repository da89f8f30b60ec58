package app

import (
	"context"
	"sync"

	"github.com/patchbay-dev/patchbay/host/admin"
)

// reloads puts reloads in a row. Whoever asks while one runs joins the one that
// follows it, with everybody else who does: so a storm of wishes costs two
// reloads, and each wish is answered by one that began after it.
type reloads struct {
	mu      sync.Mutex // guards next and running
	next    *reload
	running bool
}

// reload is one reload that was asked for.
type reload struct {
	done   chan struct{} // closed when it is over
	report admin.Reloaded
	err    error
}

// ask joins the next reload and waits for its end, or that of ctx. start runs a
// function in the background, or reports that it cannot.
func (r *reloads) ask(ctx context.Context, start func(func(context.Context)) bool, do func(context.Context) (admin.Reloaded, error)) (admin.Reloaded, error) {
	r.mu.Lock()
	if r.next == nil {
		r.next = &reload{done: make(chan struct{})}
	}
	mine := r.next
	if !r.running {
		if !start(func(ctx context.Context) { r.run(ctx, do) }) {
			r.next = nil
			r.mu.Unlock()
			return admin.Reloaded{}, ErrClosed
		}
		r.running = true
	}
	r.mu.Unlock()
	select {
	case <-mine.done:
		return mine.report, mine.err
	case <-ctx.Done():
		return admin.Reloaded{}, ctx.Err()
	}
}

// run does what was asked for until nothing is left.
func (r *reloads) run(ctx context.Context, do func(context.Context) (admin.Reloaded, error)) {
	for {
		r.mu.Lock()
		now := r.next
		r.next = nil
		r.running = now != nil
		r.mu.Unlock()
		if now == nil {
			return
		}
		now.report, now.err = do(ctx)
		close(now.done)
	}
}
