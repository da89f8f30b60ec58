package driver

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
)

const (
	// observerQueue is how many observations wait for an observer at most; those
	// beyond are dropped and counted.
	observerQueue = 1024
	// observerBatch is how many go in one call.
	observerBatch = 128
)

// Observer tells a plugin what happens: an auth.Hook whose calls only fill a
// bounded queue, which a goroutine of its own empties in batches. What a plugin
// makes of it, or that it fails, changes nothing for anybody else. Close ends
// it.
type Observer struct {
	e     *Executor
	kinds []string
	done  chan struct{} // closed when the goroutine has ended
	stop  context.CancelFunc
	wake  chan struct{} // holds a token when there may be something to do

	mu      sync.Mutex // guards all below
	queue   []abi.Observation
	dropped uint64
	closed  bool
}

var _ auth.Hook = (*Observer)(nil)

// NewObserver returns the observer that a manifest provides, and starts it. Of
// the options Door is not needed.
func NewObserver(guest abi.Guest, m *abi.Manifest, o abi.Observer, opts Options) (*Observer, error) {
	e, err := newHook(guest, m, o.Name, opts)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	out := &Observer{e: e, kinds: o.Events, stop: stop, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	go out.run(ctx)
	return out, nil
}

// Close takes nothing more, tells the plugin what waits, and returns when that
// is done; when ctx ends first, what is left is not told.
func (o *Observer) Close(ctx context.Context) error {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.signal()
	select {
	case <-o.done:
		return nil
	case <-ctx.Done():
		o.stop()
		<-o.done
		return ctx.Err()
	}
}

// OnAuthRegistered implements auth.Hook.
func (o *Observer) OnAuthRegistered(_ context.Context, a *auth.Auth) {
	o.add("registered", abi.Observation{Kind: abi.ObservationKindRegistered, Provider: toText(a.Provider), Credential: observed(a.ID, a.Label)})
}

// OnAuthUpdated implements auth.Hook.
func (o *Observer) OnAuthUpdated(_ context.Context, a *auth.Auth) {
	o.add("updated", abi.Observation{Kind: abi.ObservationKindUpdated, Provider: toText(a.Provider), Credential: observed(a.ID, a.Label)})
}

// OnResult implements auth.Hook. What a provider said is not told: it may quote
// the request.
func (o *Observer) OnResult(_ context.Context, r auth.Result) {
	ob := abi.Observation{
		Kind: abi.ObservationKindResult, Provider: toText(r.Provider), Credential: observed(r.AuthID, ""),
		Model: toText(r.Model), Success: r.Success,
	}
	if !r.Success && r.Error != nil {
		ob.Failure = &abi.Fail{Code: toText(r.Error.Code), HTTPStatus: uint32(max(r.Error.HTTPStatus, 0)), Retryable: r.Error.Retryable, Scope: abi.ScopeModel}
		if r.CredentialScope {
			ob.Failure.Scope = abi.ScopeCredential
		}
		if r.RetryAfter != nil {
			ob.Failure.RetryAfterMS = uint64(max(r.RetryAfter.Milliseconds(), 0))
		}
	}
	o.add("result", ob)
}

// observed is what an observer sees of a credential.
func observed(id, label string) *abi.Credential {
	return &abi.Credential{ID: opaqueID(id), Label: toText(label)}
}

func (o *Observer) add(kind string, ob abi.Observation) {
	if !slices.Contains(o.kinds, kind) {
		return
	}
	ob.AtMS = o.e.opts.Now().UnixMilli()
	o.mu.Lock()
	switch {
	case o.closed:
	case len(o.queue) >= observerQueue:
		o.dropped++
	default:
		o.queue = append(o.queue, ob)
	}
	o.mu.Unlock()
	o.signal()
}

func (o *Observer) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take returns the next batch and how many were dropped so far, and whether
// there can be another.
func (o *Observer) take() (batch []abi.Observation, dropped uint64, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := min(len(o.queue), observerBatch)
	batch = slices.Clone(o.queue[:n])
	o.queue = slices.Delete(o.queue, 0, n)
	return batch, o.dropped, !o.closed || n > 0
}

func (o *Observer) run(ctx context.Context) {
	defer close(o.done)
	defer o.stop()
	for sequence := uint64(1); ; {
		batch, dropped, more := o.take()
		switch {
		case !more || ctx.Err() != nil:
			return
		case len(batch) > 0:
			o.tell(ctx, &abi.ObserveInput{Sequence: sequence, Dropped: dropped, Observations: batch})
			sequence++
			continue
		}
		select {
		case <-o.wake:
		case <-ctx.Done():
			return
		}
	}
}

// observeTime is how long a plugin may take for a batch.
const observeTime = 10 * time.Second

// tell gives the plugin one batch. When that fails the batch is lost, and counts
// as dropped.
func (o *Observer) tell(ctx context.Context, in *abi.ObserveInput) {
	ctx, cancel := context.WithTimeout(ctx, observeTime)
	defer cancel()
	at, err := o.e.askHook(ctx, abi.OpObserve, in)
	if err == nil {
		defer at.release()
		if at.stage != stageTodo {
			return
		}
		err = at.perform()
	}
	o.mu.Lock()
	o.dropped += uint64(len(in.Observations))
	o.mu.Unlock()
	o.e.opts.Logger.Warn("a plugin was not told what happened", "plugin", o.e.manifest.ID, "observer", o.e.provider.Key, "observations", len(in.Observations), "error", err)
}
