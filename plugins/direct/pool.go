package direct

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
)

// lease takes an instance out of the pool, preferring one that is there to
// making one.
func (m *Module) lease(ctx context.Context) (*instance, *fault) {
	select {
	case <-m.closing:
		return nil, closedFault()
	default:
	}
	select {
	case i := <-m.warm:
		m.stats.leased.Add(1)
		return i, nil
	default:
	}
	select {
	case <-m.empty:
		return m.fill(ctx)
	default:
	}
	return m.wait(ctx)
}

// wait is the slow way: all slots are leased.
func (m *Module) wait(ctx context.Context) (*instance, *fault) {
	start := m.now()
	m.stats.waits.Add(1)
	if n := m.stats.waiting.Add(1); n > m.queue {
		m.stats.waiting.Add(-1)
		return nil, &fault{kind: abi.FaultBusy, detail: fmt.Sprintf("%d calls wait for an instance already", m.queue)}
	}
	defer func() {
		m.stats.waiting.Add(-1)
		m.stats.waited.Add(m.now() - start)
	}()
	timer := time.NewTimer(m.queueTime)
	defer timer.Stop()
	select {
	case i := <-m.warm:
		m.stats.leased.Add(1)
		return i, nil
	case <-m.empty:
		return m.fill(ctx)
	case <-m.closing:
		return nil, closedFault()
	case <-ctx.Done():
		return nil, left(ctx)
	case <-timer.C:
		return nil, &fault{kind: abi.FaultBusy, detail: fmt.Sprintf("no instance became free in %v", m.queueTime)}
	}
}

// fill makes the instance of a slot that has none. The caller pays for it, and
// no other call waits. A caller that leaves meanwhile does not waste it.
func (m *Module) fill(ctx context.Context) (*instance, *fault) {
	m.stats.leased.Add(1)
	i, f := m.create(context.WithoutCancel(ctx))
	if f != nil {
		m.stats.leased.Add(-1)
		m.empty <- struct{}{}
		return nil, f
	}
	return i, nil
}

// left says that a caller's context ended before its call began, or nothing.
func left(ctx context.Context) *fault {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return &fault{kind: abi.FaultDeadline, detail: "the deadline passed before the call began"}
	default:
		return &fault{kind: abi.FaultCanceled, detail: "the caller left before the call began"}
	}
}

func closedFault() *fault {
	return &fault{kind: abi.FaultClosed, detail: "this version of the plugin is closed"}
}

// release puts an instance back after a good call.
func (m *Module) release(i *instance) {
	m.stats.leased.Add(-1)
	m.warm <- i
}

// swollen tells an instance that used up more than half of the memory that it
// had to grow into. A memory never shrinks, and what a guest left there can
// make the next large call fail: of calls that answer 16 MiB within 64 MiB, a
// Go guest answers every second one. So it is replaced, which costs the next
// call the 5 ms of a new instance, a fraction of what such a call takes.
func (m *Module) swollen(i *instance) bool {
	return i.memory-i.base > (m.memory-i.base)/2
}

// discard closes an instance, after any fault, and leaves its slot empty.
func (m *Module) discard(i *instance) {
	m.stats.memory.Add(-i.memory)
	m.stats.instances.Add(-1)
	i.close()
	m.stats.leased.Add(-1)
	m.empty <- struct{}{}
}

// count brings the memory statistics up to date with an instance that nobody
// else has.
func (m *Module) count(i *instance) {
	if size := int64(i.mem.Size()); size != i.memory {
		m.stats.memory.Add(size - i.memory)
		i.memory = size
	}
}

// Close refuses new calls, waits for the running ones and releases
// everything. When ctx ends first, running calls are stopped, which they
// answer within a slice of fuel; Close waits for that too. It is idempotent
// and safe for concurrent use: every caller returns when all is released.
func (m *Module) Close(ctx context.Context) error {
	var err error
	m.once.Do(func() {
		close(m.closing)
		err = m.drain(ctx)
		close(m.closed)
	})
	<-m.closed
	return err
}

func (m *Module) drain(ctx context.Context) error {
	stopped := context.AfterFunc(ctx, func() { m.halt.Store(true) })
	defer stopped()
	for range cap(m.warm) {
		select {
		case i := <-m.warm:
			m.stats.memory.Add(-i.memory)
			m.stats.instances.Add(-1)
			i.close()
		case <-m.empty:
		}
	}
	m.log.close()
	if err := m.unload(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("close plugin %s: %w", m.plugin, err)
	}
	return nil
}

type counters struct {
	instances, leased atomic.Int64
	calls, recycled   atomic.Uint64
	slices, waits     atomic.Uint64
	waiting           atomic.Int64
	waited            atomic.Int64 // nanoseconds
	memory            atomic.Int64
	faults            [abi.FaultClosed + 1]atomic.Uint64
}

// Stats is what a module has done and holds.
type Stats struct {
	// Instances that exist, and those that a call has now.
	Instances, Leased int
	// Waiting is how many calls wait for an instance now.
	Waiting int
	// Calls begun, also those that got no instance.
	Calls uint64
	// Slices of fuel used up by calls.
	Slices uint64
	// Waits is how many calls found all instances leased, and Waited how long
	// they waited in all.
	Waits  uint64
	Waited time.Duration
	// Faults by kind; kinds that did not occur are absent.
	Faults map[abi.Fault]uint64
	// Recycled counts instances replaced because their memory had grown.
	Recycled uint64
	// MemoryBytes of all instances together, as of each one's last call.
	MemoryBytes int64
}

// Stats returns the statistics. The numbers are read one after another and may
// belong to slightly different times.
func (m *Module) Stats() Stats {
	s := Stats{
		Instances:   int(m.stats.instances.Load()),
		Leased:      int(m.stats.leased.Load()),
		Waiting:     int(m.stats.waiting.Load()),
		Calls:       m.stats.calls.Load(),
		Slices:      m.stats.slices.Load(),
		Waits:       m.stats.waits.Load(),
		Waited:      time.Duration(m.stats.waited.Load()),
		Recycled:    m.stats.recycled.Load(),
		MemoryBytes: m.stats.memory.Load(),
		Faults:      map[abi.Fault]uint64{},
	}
	for f := range m.stats.faults {
		if n := m.stats.faults[f].Load(); n > 0 {
			s.Faults[abi.Fault(f)] = n
		}
	}
	return s
}
