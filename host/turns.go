package host

import (
	"context"
	"slices"
	"sync"
)

// turns lets one writer at a time save and publish a credential, so that the
// store sees the versions of one credential in the order in which they are
// published. It is not a lock: who waits can be called off, and who has the
// turn may take it again from within the store, by the context that the store
// was given.
type turns struct {
	mu   sync.Mutex // guards held
	held map[string]chan struct{}
}

type turnKey struct{}

// try is take without waiting: free reports whether there is the turn.
func (t *turns) try(ctx context.Context, id string) (inside context.Context, release func(), free bool) {
	mine, _ := ctx.Value(turnKey{}).([]string)
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, taken := t.held[id]; taken {
		return ctx, func() {}, false
	}
	inside, release = t.unsyncedTake(ctx, mine, id)
	return inside, release, true
}

// unsyncedTake takes a turn that is free.
func (t *turns) unsyncedTake(ctx context.Context, mine []string, id string) (inside context.Context, release func()) {
	if t.held == nil {
		t.held = map[string]chan struct{}{}
	}
	done := make(chan struct{})
	t.held[id] = done
	inside = context.WithValue(ctx, turnKey{}, append(slices.Clone(mine), id))
	return inside, sync.OnceFunc(func() { t.end(id, done) })
}

// take waits for the turn on id. The context that it returns is for the store;
// release ends the turn, once.
func (t *turns) take(ctx context.Context, id string) (inside context.Context, release func(), err error) {
	mine, _ := ctx.Value(turnKey{}).([]string)
	if slices.Contains(mine, id) {
		return ctx, func() {}, nil
	}
	for {
		t.mu.Lock()
		busy, taken := t.held[id]
		if !taken {
			inside, release = t.unsyncedTake(ctx, mine, id)
			t.mu.Unlock()
			return inside, release, nil
		}
		t.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return ctx, func() {}, ctx.Err()
		}
	}
}

func (t *turns) end(id string, done chan struct{}) {
	t.mu.Lock()
	delete(t.held, id)
	t.mu.Unlock()
	close(done)
}
