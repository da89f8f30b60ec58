package refresh

import (
	"context"
	"sync"
)

// Flights lets one piece of work run for a name at a time; who asks meanwhile
// gets its result. Nobody who leaves ends it. The zero value is ready; it is
// safe for concurrent use.
type Flights[T any] struct {
	mu    sync.Mutex // guards owned, and a flight until it has landed
	owned map[string]*flight[T]
}

type flight[T any] struct {
	landed chan struct{}
	value  T
	err    error
}

// Do has work done for a name, unless it is under way already, and waits for the
// result or until ctx ends. spawn starts the goroutine, which is its to wait for;
// when it does not, Do returns refused.
func (f *Flights[T]) Do(ctx context.Context, name string, refused error, spawn func(func()) bool, work func() (T, error)) (T, error) {
	f.mu.Lock()
	current := f.owned[name]
	mine := current == nil
	if mine {
		if f.owned == nil {
			f.owned = map[string]*flight[T]{}
		}
		current = &flight[T]{landed: make(chan struct{})}
		f.owned[name] = current
	}
	f.mu.Unlock()
	if mine {
		fly := func() {
			value, err := work()
			f.land(name, current, value, err)
		}
		if !spawn(fly) {
			var none T
			f.land(name, current, none, refused)
		}
	}
	select {
	case <-current.landed:
		return current.value, current.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

func (f *Flights[T]) land(name string, fl *flight[T], value T, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fl.value, fl.err = value, err
	delete(f.owned, name)
	close(fl.landed)
}

// Running reports whether work is under way for a name.
func (f *Flights[T]) Running(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.owned[name] != nil
}
