package extism

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/plugins/direct"
)

// lease takes an instance for one call, making it if its slot has none.
func (m *Module) lease(ctx context.Context) (*instance, *fault) {
	select {
	case <-m.closing:
		return nil, &fault{kind: abi.FaultClosed, detail: "this version of the plugin is closed"}
	default:
	}
	i, f := m.slot(ctx)
	if f != nil {
		return nil, f
	}
	m.stats.leased.Add(1)
	if i == nil {
		// A caller that leaves meanwhile does not waste it.
		if i, f = m.create(context.WithoutCancel(ctx)); f != nil {
			m.stats.leased.Add(-1)
			m.slots <- nil
			return nil, f
		}
	}
	return i, nil
}

// slot waits for a token of the pool.
func (m *Module) slot(ctx context.Context) (*instance, *fault) {
	if err := ctx.Err(); err != nil {
		return nil, left(err)
	}
	select {
	case i := <-m.slots:
		return i, nil
	default:
	}
	start := time.Now()
	m.stats.waits.Add(1)
	if m.stats.waiting.Add(1) > m.queue {
		m.stats.waiting.Add(-1)
		return nil, &fault{kind: abi.FaultBusy, detail: fmt.Sprintf("%d calls wait for an instance already", m.queue)}
	}
	defer func() {
		m.stats.waiting.Add(-1)
		m.stats.waited.Add(int64(time.Since(start)))
	}()
	timer := time.NewTimer(m.queueTime)
	defer timer.Stop()
	select {
	case i := <-m.slots:
		return i, nil
	case <-m.closing:
		return nil, &fault{kind: abi.FaultClosed, detail: "this version of the plugin is closed"}
	case <-ctx.Done():
		return nil, left(ctx.Err())
	case <-timer.C:
		return nil, &fault{kind: abi.FaultBusy, detail: fmt.Sprintf("no instance became free in %v", m.queueTime)}
	}
}

func left(err error) *fault {
	if errors.Is(err, context.DeadlineExceeded) {
		return &fault{kind: abi.FaultDeadline, detail: "the deadline passed before the call began"}
	}
	return &fault{kind: abi.FaultCanceled, detail: "the caller left before the call began"}
}

// counters are the statistics of a module.
type counters struct {
	instances, leased, waiting, waited atomic.Int64
	calls, waits                       atomic.Uint64
	faults                             [abi.FaultClosed + 1]atomic.Uint64
}

// Stats returns the statistics. The memory of instances is not told: it is that
// of two modules, which the SDK keeps to itself.
func (m *Module) Stats() direct.Stats {
	s := direct.Stats{
		Instances: int(m.stats.instances.Load()), Leased: int(m.stats.leased.Load()), Waiting: int(m.stats.waiting.Load()),
		Calls: m.stats.calls.Load(), Waits: m.stats.waits.Load(), Waited: time.Duration(m.stats.waited.Load()),
		Slices: m.sessions.Slices(), Faults: map[abi.Fault]uint64{},
	}
	for f := range m.stats.faults {
		if n := m.stats.faults[f].Load(); n > 0 {
			s.Faults[abi.Fault(f)] = n
		}
	}
	return s
}
