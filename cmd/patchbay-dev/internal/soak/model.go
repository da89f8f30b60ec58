package soak

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
)

// provider is the one that all credentials are of.
const provider = "soak"

// modelNames are what credentials serve, each some of them.
var modelNames = []string{"m0", "m1", "m2", "m3"}

// truth is what one credential is.
type truth struct {
	id string
	// mu orders the operations on the credential.
	mu     sync.Mutex
	exists bool
	record *auth.Auth // as it was registered last
	limit  int        // never changes, so that a call can be held against it

	// since is when it went out of reach by the count of operations, 0 while it
	// is in reach; see soak.ticks.
	since  atomic.Int64
	flying atomic.Int64
	// changed is when its record changed last, by the same count; what is picked
	// before may be asked after.
	changed atomic.Int64
	// returned says that it was removed since all rested last, so that the
	// manager may not know of calls from before.
	returned atomic.Bool
}

func (t *truth) fresh(disabled bool, models []string, priority, weight int, group string) *auth.Auth {
	a := &auth.Auth{ID: t.id, Provider: provider, Disabled: disabled, Attributes: map[string]string{
		auth.AttrPriority: strconv.Itoa(priority), auth.AttrWeight: strconv.Itoa(weight), auth.AttrGroup: group,
		auth.AttrMaxInFlight: strconv.Itoa(t.limit),
	}}
	a.SetDeclaredModels(models)
	return a
}

// clock is a time that passes when somebody says so.
type clock struct{ now atomic.Int64 }

func (c *clock) pass(d time.Duration) { c.now.Add(int64(d)) }
func (c *clock) Now() time.Time       { return time.Unix(0, c.now.Load()) }

// violations are what should not have been, at most a few of them in words.
type violations struct {
	n  atomic.Int64
	mu sync.Mutex // guards told
	// told are the first of them.
	told []string
}

func (v *violations) add(format string, args ...any) {
	v.n.Add(1)
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.told) < 10 {
		v.told = append(v.told, fmt.Sprintf(format, args...))
	}
}

// strategies are the selectors of ours.
func strategies() []auth.Selector {
	return []auth.Selector{&host.RoundRobinSelector{}, &host.FillFirstSelector{}, &host.WeightedSelector{}}
}
