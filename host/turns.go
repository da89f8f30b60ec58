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
			if t.held == nil {
				t.held = map[string]chan struct{}{}
			}
			done := make(chan struct{})
			t.held[id] = done
			t.mu.Unlock()
			inside = context.WithValue(ctx, turnKey{}, append(slices.Clone(mine), id))
			return inside, sync.OnceFunc(func() { t.end(id, done) }), nil
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
