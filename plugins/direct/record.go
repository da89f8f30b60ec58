package direct

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
)

// Quotas of one call, in bytes: what its imports may handle in all.
const (
	randomPerCall = 1 << 20
	logPerCall    = 256 << 10
)

// epoch anchors the monotonic clock of deadlines.
var epoch = time.Now()

// now returns nanoseconds of the monotonic clock.
func now() int64 { return int64(time.Since(epoch)) }

// record is what the imports know of the call that runs in an instance. There
// is one for each instance, set anew for each call. It is handed to wazero as
// the context of the call, so that an import reaches it by a type assertion;
// it carries no deadline and, once the instance is made, no values, because
// wazero looks at neither.
type record struct {
	ctx      context.Context
	now      func() int64
	deadline int64
	// seen is when the clock was last looked at, and turn when the call last
	// let others have its processor.
	seen, turn int64
	limit      time.Duration
	random     int
	logged     int
	log        *capture
	halt       *atomic.Bool
	slice      uint64
	slices     *atomic.Uint64 // counts the slices that were used up
	// values is set while an instance is made: wazero asks it for an allocator.
	values context.Context
}

var _ context.Context = (*record)(nil)

// Deadline implements context.Context.
func (*record) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements context.Context.
func (*record) Done() <-chan struct{} { return nil }

// Err implements context.Context.
func (*record) Err() error { return nil }

// Value implements context.Context.
func (r *record) Value(key any) any {
	if r.values == nil {
		return nil
	}
	return r.values.Value(key)
}

// begin sets the record for a call that may run for limit, and no longer than
// ctx.
func (r *record) begin(ctx context.Context, limit time.Duration) {
	start := r.now()
	r.ctx, r.limit, r.deadline = ctx, limit, start+int64(limit)
	r.seen, r.turn = start, start
	r.random, r.logged = 0, 0
	if at, ok := ctx.Deadline(); ok {
		if left := time.Until(at); left < limit {
			r.limit, r.deadline = left, start+int64(left)
		}
	}
}

// end lets go of the caller's context and writes out what the guest logged.
func (r *record) end() {
	r.log.flush(r)
	r.ctx = nil
}

// turnTime is how long a call may run before it stands behind others that wait
// for a processor. Go itself would take it away after 10 ms, at the yield after
// that: calls that take long would delay the others' by two slices.
const turnTime = time.Millisecond

// check stops the call if it may not go on. Every import calls it first.
func (r *record) check() {
	if s := r.stopped(); s != nil {
		panic(s)
	}
	if r.seen-r.turn >= int64(turnTime) {
		r.turn = r.seen
		runtime.Gosched()
	}
}

func (r *record) stopped() *stop {
	if r.halt.Load() {
		return &stop{fault: abi.FaultClosed, detail: "the plugin was closed while the call ran"}
	}
	if err := r.ctx.Err(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return &stop{fault: abi.FaultCanceled, detail: "the caller left while the call ran"}
	}
	if r.seen = r.now(); r.seen >= r.deadline {
		return &stop{fault: abi.FaultDeadline, detail: fmt.Sprintf("the call used up its %v", max(r.limit, 0).Round(time.Millisecond))}
	}
	return nil
}

// stop is what an import panics with to end a call; wazero recovers it and
// returns it wrapped.
type stop struct {
	fault  abi.Fault
	detail string
}

// Error returns the detail.
func (s *stop) Error() string { return s.detail }
