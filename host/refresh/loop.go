package refresh

import (
	"context"
	"sync"
	"time"
)

const (
	// maxNap bounds a sleep, so that a clock that was set, or a machine that
	// slept, is noticed.
	maxNap = time.Minute
	// Pause is how long a credential is left alone after a refresh that left it
	// due, or one that could not be made. core.md section 6, the ineffective
	// back-off.
	Pause = 30 * time.Second
)

// Options say what a Loop works with. All functions are called without a lock,
// must be safe for concurrent use, and are required; so are Workers and Every.
type Options struct {
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
	// Rand returns a number in [0, 1).
	Rand func() float64
	// Plan says when a credential is due.
	Plan func(id string) Plan
	// Ask says whether a credential whose plan says Ask is due now.
	Ask func(id string) bool
	// Refresh refreshes a credential, or gives up when ctx ends. It returns for
	// how long to leave it alone; less than Pause counts as that.
	Refresh func(ctx context.Context, id string) time.Duration
	// Workers is how many refreshes run at a time.
	Workers int
	// Every is how often Ask is called.
	Every time.Duration
}

// Loop refreshes credentials when they are due. Make one with NewLoop, let it
// know of credentials by Touch, and Run it once.
type Loop struct {
	o Options

	mu       sync.Mutex // guards what follows
	touched  map[string]struct{}
	finished []verdict
	wake     context.CancelFunc // of the nap that is taken; nil before the first

	// Only Run's goroutine uses these.
	due  Deadlines
	jobs map[string]job
	busy map[string]struct{}
}

// job is what is planned for a credential, and when it is due with its share of
// chance, which is drawn once.
type job struct {
	plan Plan
	at   time.Time
	// idle is until when the credential is left alone.
	idle time.Time
}

type verdict struct {
	id   string
	idle time.Time
}

// NewLoop makes a loop that knows of no credential.
func NewLoop(o Options) *Loop {
	return &Loop{o: o, touched: map[string]struct{}{}, jobs: map[string]job{}, busy: map[string]struct{}{}}
}

// Touch has the plans of credentials made anew, because something about them
// changed, or they are new or gone. It never waits.
func (l *Loop) Touch(ids ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.touched[id] = struct{}{}
	}
	l.unsyncedWake()
}

func (l *Loop) unsyncedWake() {
	if l.wake != nil {
		l.wake()
	}
}

// Run refreshes until ctx ends, and returns when everything that it started has.
func (l *Loop) Run(ctx context.Context) {
	var workers sync.WaitGroup
	defer workers.Wait()
	for ctx.Err() == nil {
		nap, wake := context.WithCancel(ctx)
		l.replan(wake)
		l.dispatch(ctx, &workers)
		l.rest(nap)
		wake()
	}
}

// replan makes plans for what changed. From here on a change ends the next nap.
func (l *Loop) replan(wake context.CancelFunc) {
	l.mu.Lock()
	touched, finished := l.touched, l.finished
	l.touched, l.finished, l.wake = map[string]struct{}{}, nil, wake
	l.mu.Unlock()
	for _, v := range finished {
		delete(l.busy, v.id)
		j := l.jobs[v.id]
		j.idle = v.idle
		l.jobs[v.id] = j
		touched[v.id] = struct{}{}
	}
	for id := range touched {
		if _, busy := l.busy[id]; !busy {
			l.plan(id)
		}
	}
}

func (l *Loop) plan(id string) {
	p, was := l.o.Plan(id), l.jobs[id]
	if p.Never() {
		l.due.Remove(id)
		delete(l.jobs, id)
		return
	}
	j := job{plan: p, at: was.at, idle: was.idle}
	if !was.plan.At.Equal(p.At) || was.plan.Spread != p.Spread || was.plan.Never() {
		j.at = p.At.Add(-time.Duration(l.o.Rand() * float64(p.Spread)))
	}
	l.jobs[id] = j
	l.due.Set(id, later(j.at, j.idle))
}

// dispatch starts what is due, as far as there are workers.
func (l *Loop) dispatch(ctx context.Context, workers *sync.WaitGroup) {
	for len(l.busy) < l.o.Workers {
		id, ok := l.due.Pop(l.o.Now())
		if !ok {
			return
		}
		l.busy[id] = struct{}{}
		ask := l.jobs[id].plan.Ask
		workers.Go(func() { l.work(ctx, id, ask) })
	}
}

func (l *Loop) work(ctx context.Context, id string, ask bool) {
	idle := l.o.Every
	if !ask || l.o.Ask(id) {
		idle = max(l.o.Refresh(ctx, id), Pause)
	}
	v := verdict{id: id, idle: l.o.Now().Add(idle)}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finished = append(l.finished, v)
	l.unsyncedWake()
}

// rest waits until the next credential is due or something changes.
func (l *Loop) rest(nap context.Context) {
	wait := maxNap
	if at, ok := l.due.Next(); ok && len(l.busy) < l.o.Workers {
		wait = min(wait, at.Sub(l.o.Now()))
	}
	if wait > 0 {
		_ = l.o.Sleep(nap, wait) // the error says only that somebody woke us
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
