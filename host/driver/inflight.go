package driver

import (
	"context"
	"sync"
)

// inflight counts attempts, tells when there is none, and lets no more begin
// once it is closed.
type inflight struct {
	mu     sync.Mutex // guards n, closed and idle
	n      int
	closed bool
	idle   chan struct{} // made by the first waiter, closed when n falls to 0
}

// enter reports whether an attempt may begin; then leave ends it.
func (f *inflight) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.n++
	return true
}

// again counts one more beside an attempt that has not left yet.
func (f *inflight) again() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
}

func (f *inflight) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
}

func (f *inflight) leave() {
	f.mu.Lock()
	f.n--
	if f.n == 0 && f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
	f.mu.Unlock()
}

func (f *inflight) wait(ctx context.Context) error {
	f.mu.Lock()
	if f.n == 0 {
		f.mu.Unlock()
		return nil
	}
	if f.idle == nil {
		f.idle = make(chan struct{})
	}
	idle := f.idle
	f.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
