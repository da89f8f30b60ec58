package host

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/models"
	"github.com/patchbay-dev/patchbay/host/retry"
	"github.com/patchbay-dev/patchbay/host/schedule"
	"github.com/patchbay-dev/patchbay/host/selector"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// strategy is how the index is asked; slices of credentials are made only for
// selectors that are not ours.
type strategy uint8

const (
	roundRobin strategy = iota
	fillFirst
	weighted
	custom
)

// world is what a request works with: loaded once, so that a change meanwhile
// concerns only the requests that follow. It is immutable.
type world struct {
	store      auth.Store
	hook       auth.Hook
	transports auth.RoundTripperProvider
	executors  map[string]auth.ProviderExecutor

	// affinity is how long a session keeps to a credential; 0 means not at all.
	affinity time.Duration

	selector auth.Selector // nil unless the strategy is custom
	strategy strategy

	cooldown settings.Cooldown
	// cooling is each provider's word on whether cooling is off.
	cooling map[string]bool
	// rules are the operator's words on errors, by provider.
	rules   map[string]*retry.Rules
	refresh settings.Refresh
	names   *models.Book

	retries        int
	maxInterval    time.Duration
	maxCredentials int
	retryStatuses  []int
}

func (m *Manager) newWorld(o Options) *world {
	w := &world{store: o.Store, hook: o.Hook, transports: o.RoundTripperProvider, cooldown: o.Cooldown, refresh: o.Refresh.Filled()}
	if w.hook == nil {
		w.hook = auth.NoopHook{}
	}
	m.choose(w, o.Selector)
	return w
}

// order is the strategy as the index calls it.
func (s strategy) order() schedule.Order {
	switch s {
	case fillFirst:
		return schedule.FillFirst
	case weighted:
		return schedule.Weighted
	}
	return schedule.RoundRobin
}

// choose sets the selector. In place of our own ones the index picks.
func (m *Manager) choose(w *world, s auth.Selector) {
	switch s.(type) {
	case nil, *selector.RoundRobinSelector:
		w.selector, w.strategy = nil, roundRobin
	case *selector.FillFirstSelector:
		w.selector, w.strategy = nil, fillFirst
	case *selector.WeightedSelector:
		w.selector, w.strategy = nil, weighted
	default:
		w.selector, w.strategy = s, custom
	}
}

// change publishes a changed copy of the world.
func (m *Manager) change(f func(*world)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := *m.world.Load()
	f(&w)
	m.world.Store(&w)
}

// SetSelector changes how credentials are chosen; nil means round robin.
// Requests that run keep the selector that they began with.
func (m *Manager) SetSelector(s auth.Selector) { m.change(func(w *world) { m.choose(w, s) }) }

// SetStore changes where credentials are kept; nil means memory only. What is
// in memory stays, and is saved to the new store as it changes.
func (m *Manager) SetStore(s auth.Store) { m.change(func(w *world) { w.store = s }) }

// SetRoundTripperProvider changes where transports come from; nil means none.
func (m *Manager) SetRoundTripperProvider(p auth.RoundTripperProvider) {
	m.change(func(w *world) { w.transports = p })
}

// SetRetryConfig sets how many further rounds a request may have, how long it
// may wait for one, and how many credentials it may try in each; 0 credentials
// means all, and what is negative counts as 0. A new manager has 0, 0 and 0:
// one round over all credentials. spec: core.md 2.1.
func (m *Manager) SetRetryConfig(retry int, maxRetryInterval time.Duration, maxRetryCredentials int) {
	m.change(func(w *world) {
		w.retries = max(retry, 0)
		w.maxInterval = max(maxRetryInterval, 0)
		w.maxCredentials = max(maxRetryCredentials, 0)
	})
}

// SetRetryStatuses says for which HTTP statuses another round may begin; 0 is the
// lack of an answer. None means settings.DefaultRetryStatuses.
func (m *Manager) SetRetryStatuses(statuses ...int) {
	m.change(func(w *world) { w.retryStatuses = slices.Clone(statuses) })
}

// SetRetryBudget bounds the calls that are not the first of their request: for
// every hundred requests there may be percent of them, and burst can be saved
// up. No percent means any number, as in a new manager. A request for which none
// is left ends with the error that it has.
func (m *Manager) SetRetryBudget(percent, burst int) { m.budget.Set(percent, burst) }

// RegisterExecutor makes an executor serve the provider that it names, case
// aside. One that it replaces finishes what runs on it and is told to close
// all its sessions, once. Nil, or a blank name, is nothing.
func (m *Manager) RegisterExecutor(e auth.ProviderExecutor) {
	if e == nil {
		return
	}
	key := providerKey(e.Identifier())
	if key == "" {
		return
	}
	var old auth.ProviderExecutor
	m.change(func(w *world) {
		old = w.executors[key]
		w.executors = maps.Clone(w.executors)
		if w.executors == nil {
			w.executors = map[string]auth.ProviderExecutor{}
		}
		w.executors[key] = e
	})
	m.refreshing.touch(m.ids()...)
	if closer, ok := old.(auth.ExecutionSessionCloser); ok && old != e {
		m.guard("close sessions of "+key, func() { closer.CloseExecutionSession(executor.CloseAllExecutionSessionsID) })
	}
}

// UnregisterExecutor takes a provider's executor out. What runs on it finishes;
// its sessions are the caller's to close.
func (m *Manager) UnregisterExecutor(provider string) {
	m.change(func(w *world) {
		w.executors = maps.Clone(w.executors)
		delete(w.executors, providerKey(provider))
	})
}

// Executor returns the executor that serves a provider, case aside.
func (m *Manager) Executor(provider string) (auth.ProviderExecutor, bool) {
	e, ok := m.world.Load().executors[providerKey(provider)]
	return e, ok
}

func providerKey(name string) string { return strings.ToLower(strings.TrimSpace(name)) }
