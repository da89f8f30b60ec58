package host

import (
	"context"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/refresh"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// askEvery is how often a runtime that decides itself is asked, if
// StartAutoRefresh does not say.
const askEvery = 5 * time.Second

// autoRefresh is the loop that refreshes by itself.
type autoRefresh struct {
	loop *refresh.Loop
	end  context.CancelFunc
	over chan struct{}
}

// StartAutoRefresh refreshes credentials before they expire, until parent ends,
// StopAutoRefresh or Close. Each is due by its own deadline; interval is how
// often a Runtime that is a RefreshEvaluator is asked, 0 or less means every 5
// seconds. There is one loop: another start ends the one before. spec: core.md
// section 6; core-decisions.md section 2, rows 25 and 26.
func (m *Manager) StartAutoRefresh(parent context.Context, interval time.Duration) {
	if parent == nil {
		parent = context.Background()
	}
	if interval <= 0 {
		interval = askEvery
	}
	ctx, end := context.WithCancel(parent)
	w := m.world.Load()
	auto := &autoRefresh{end: end, over: make(chan struct{}), loop: refresh.NewLoop(refresh.Options{
		Now: m.now, Sleep: m.clock.Sleep, Rand: m.random, Plan: m.planRefresh, Ask: m.askRuntime, Refresh: m.refreshDue,
		Workers: w.refresh.Workers, Every: interval,
	})}
	m.swapAuto(auto).wait()
	auto.loop.Touch(m.ids()...)
	started := m.spawn(func() {
		defer close(auto.over)
		defer end()
		stop := context.AfterFunc(m.base, end)
		defer stop()
		auto.loop.Run(ctx)
	})
	if !started {
		end()
		close(auto.over)
	}
}

// StopAutoRefresh ends what StartAutoRefresh began, and waits for the loop. A
// refresh that is under way goes on; Close waits for that. It must not be called
// from a RefreshEvaluator.
func (m *Manager) StopAutoRefresh() { m.swapAuto(nil).wait() }

func (m *Manager) swapAuto(next *autoRefresh) (last *autoRefresh) {
	r := &m.refreshing
	r.mu.Lock()
	defer r.mu.Unlock()
	last, r.auto = r.auto, next
	return last
}

func (a *autoRefresh) wait() {
	if a != nil {
		a.end()
		<-a.over
	}
}

// SetRefresh changes how tokens are renewed; what is 0 in it is what ships. How
// many are refreshed at a time counts from the next StartAutoRefresh on.
func (m *Manager) SetRefresh(s settings.Refresh) {
	m.change(func(w *world) { w.refresh = s.Filled() })
	m.refreshing.touch(m.ids()...)
}

// ids lists the credentials, in no order.
func (m *Manager) ids() []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	ids := make([]string, 0, len(m.slots))
	for id := range m.slots {
		ids = append(ids, id)
	}
	return ids
}

// planRefresh says when a credential is due. One that nobody can refresh, or
// whose new tokens are not saved, is not; one whose last refresh was cut off by a
// crash is at once.
func (m *Manager) planRefresh(id string) (p refresh.Plan) {
	a, w, known := m.record(id), m.world.Load(), m.refreshing.get(id)
	if a == nil || known.unsaved != nil {
		return refresh.Plan{}
	}
	exec := w.executors[providerKey(a.Provider)]
	if exec == nil {
		return refresh.Plan{}
	}
	now := m.now()
	m.guard("refresh lead of "+a.Provider, func() {
		p = refresh.Next(a, refresh.Lead(a.Provider, a.Runtime, exec, w.refresh.Leads), w.refresh, now)
	})
	if !p.Never() && !known.interrupted.IsZero() && !a.NextRefreshAfter.After(now) {
		return refresh.Plan{At: now}
	}
	return p
}

// askRuntime asks a credential's runtime whether it is due.
func (m *Manager) askRuntime(id string) (due bool) {
	a := m.record(id)
	if a == nil {
		return false
	}
	if runtime, ok := a.Runtime.(auth.RefreshEvaluator); ok {
		m.guard("refresh evaluator of "+a.Provider, func() { due = runtime.ShouldRefresh(m.now(), a.Clone()) })
	}
	return due
}

// refreshDue refreshes a credential for the loop, and says how long to leave it
// alone. What failed has said so in the record and the log.
func (m *Manager) refreshDue(ctx context.Context, id string) time.Duration {
	if _, err := m.renew(ctx, id, nil); err != nil {
		return m.world.Load().refresh.ErrorBackoff
	}
	return 0
}
