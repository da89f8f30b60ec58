package host

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
	"github.com/patchbay-dev/patchbay/host/models"
	"github.com/patchbay-dev/patchbay/host/retry"
	"github.com/patchbay-dev/patchbay/host/schedule"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// ErrClosed is returned by a manager that Close has ended.
var ErrClosed = errors.New("the manager is closed; make a new one")

// Options say what a manager stands on. The zero value works: nothing is
// persisted, round robin, no hook, the machine's clock, random jitter,
// slog.Default, and the cooldowns that ship.
type Options struct {
	// Store keeps the credentials; nil means memory only.
	Store auth.Store
	// Selector chooses credentials; nil means round robin.
	Selector auth.Selector
	// Hook observes; nil means nobody does.
	Hook auth.Hook
	// Clock is the time; nil means the machine's.
	Clock Clock
	// Rand is where jitter comes from; nil means a random seed. The manager
	// owns it from here on.
	Rand *rand.Rand
	// Logger gets what nobody can be told otherwise, such as a save that fails
	// in the background; nil means slog.Default.
	Logger *slog.Logger
	// Cooldown sets how long failures block; the zero value means
	// settings.DefaultCooldown.
	Cooldown settings.Cooldown
	// Refresh says how tokens are renewed; what is 0 in it is what ships.
	Refresh settings.Refresh
	// RoundTripperProvider gives transports by credential; nil means none.
	RoundTripperProvider auth.RoundTripperProvider
}

// Manager owns the credentials: it persists them, picks one for a request,
// retries and fails over, and keeps what it learned of each. Make one with
// NewManager or New, and end it with Close. All methods are safe for concurrent
// use, and may be called from within a Store, Hook, Selector or executor that
// the manager is calling.
//
// What is known of a credential is an immutable entry; every change publishes
// a new one. Records are cloned on the way in and on the way out.
type Manager struct {
	clock      Clock
	log        *slog.Logger
	index      *schedule.Index[*slot]
	registry   *models.Registry
	world      atomic.Pointer[world]
	turns      turns
	refreshing refreshing
	// streams counts those that are open.
	streams atomic.Int64
	writer  writer
	// sessions keep to a credential.
	sessions affinity

	// budget bounds the calls that are not the first of their request.
	budget retry.Budget
	// hosts keeps requests away from upstream hosts that answer nobody.
	hosts retry.Breaker

	// switches is how many calls of SetQuotaCooldownDisabled were heeded.
	switches atomic.Uint64

	// maxRetry is the highest retry limit that a credential ever set for itself.
	maxRetry atomic.Int64

	// mu is the only lock that writers take; see LOCKS.md. It guards slots,
	// offers and groups, and orders what is published in them and in the index and the registry.
	// Nothing foreign runs under it.
	mu     sync.RWMutex
	slots  map[string]*slot
	offers offers
	groups quotaGroups

	randMu sync.Mutex // guards rand
	rand   *rand.Rand

	// base ends when the manager is closed; running counts the goroutines that
	// it must wait for then. closing guards the step from open to closed, so
	// that no goroutine starts after Close began to wait.
	base    context.Context
	end     context.CancelFunc
	closing sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// NewManager makes a manager with the defaults of Options.
func NewManager(store auth.Store, selector auth.Selector, hook auth.Hook) *Manager {
	return New(Options{Store: store, Selector: selector, Hook: hook})
}

// New makes a manager. It holds no credentials until Load or Register.
func New(o Options) *Manager {
	if o.Clock == nil {
		o.Clock = wallClock{}
	}
	if o.Rand == nil {
		o.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Cooldown == (settings.Cooldown{}) {
		o.Cooldown = settings.DefaultCooldown()
	}
	m := &Manager{
		clock:    o.Clock,
		log:      o.Logger,
		registry: &models.Registry{},
		slots:    map[string]*slot{},
		offers:   offers{},
		groups:   quotaGroups{},
		rand:     o.Rand,
	}
	m.index = schedule.New[*slot](m.randomN)
	m.base, m.end = context.WithCancel(context.Background())
	m.world.Store(m.newWorld(o))
	m.switches.Store(cooldown.QuotaCooldownSwitches())
	return m
}

// Close ends the manager: no request begins any more, streams that ExecuteStream
// forwards are cut, and everything that is not saved yet is saved. It waits
// until that is done or ctx ends, and returns what could not be saved. Streams
// of OpenStream belong to whoever opened them. A second Close does the rest.
func (m *Manager) Close(ctx context.Context) error {
	m.closing.Lock()
	m.closed = true
	m.closing.Unlock()
	m.end()
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.running.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	}
	return errors.Join(m.settleAll(), m.flush(ctx))
}

// spawn runs f in a goroutine that Close waits for; it reports false when the
// manager is closed.
func (m *Manager) spawn(f func()) bool {
	m.closing.Lock()
	defer m.closing.Unlock()
	if m.closed {
		return false
	}
	m.running.Go(f)
	return true
}

func (m *Manager) isClosed() bool { return m.base.Err() != nil }

func (m *Manager) now() time.Time { return m.clock.Now().UTC() }

// random returns a number in [0, 1).
func (m *Manager) random() float64 {
	m.randMu.Lock()
	defer m.randMu.Unlock()
	return m.rand.Float64()
}

// randomN returns a number in [0, n).
func (m *Manager) randomN(n int) int {
	m.randMu.Lock()
	defer m.randMu.Unlock()
	return m.rand.IntN(n)
}
