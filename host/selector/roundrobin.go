package selector

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// maxCursors bounds the cursors that are kept; the one that was not used for
// the longest time goes first. Model names come from clients.
const maxCursors = 4096

// RoundRobinSelector takes credentials in turn, by provider, canonical model
// and priority. When all that are ready belong to two or more accounts (see
// auth.Auth.Group), accounts take turns, and the credentials of each within it.
// It is safe for concurrent use; the zero value is ready, keeps real time and
// starts at a random account.
//
// A cursor remembers the ID that was picked last, not a position, so that
// nobody is passed over when the set changes.
type RoundRobinSelector struct {
	now  func() time.Time
	rand func(n int) int

	// mu guards cursors.
	mu      sync.Mutex
	cursors cursors
}

// NewRoundRobin returns a selector with a clock and a source of randomness of
// the caller's: random(n) returns a number in [0, n). nil means time.Now and
// math/rand.
func NewRoundRobin(now func() time.Time, random func(n int) int) *RoundRobinSelector {
	return &RoundRobinSelector{now: now, rand: random}
}

// Pick implements auth.Selector. A failed pick moves no cursor.
func (s *RoundRobinSelector) Pick(ctx context.Context, provider, model string, opts executor.Options, auths []*auth.Auth) (*auth.Auth, error) {
	best, err := ready(ctx, provider, model, opts, auths, clock(s.now))
	if err != nil {
		return nil, err
	}
	return s.next(provider, model, best), nil
}

// next returns the one of best whose turn it is.
func (s *RoundRobinSelector) next(provider, model string, best []*auth.Auth) *auth.Auth {
	key := strings.ToLower(provider) + ":" + auth.CanonicalModel(model) + ":" + strconv.Itoa(best[0].Priority())
	s.mu.Lock()
	defer s.mu.Unlock()
	if parents := parentsOf(best); len(parents) >= 2 {
		parent := s.turn(key+"::group", parents, true)
		key += "::cred:" + parent
		best = slices.DeleteFunc(best, func(a *auth.Auth) bool { return a.Group() != parent })
	}
	ids := make([]string, len(best))
	for i, a := range best {
		ids[i] = a.ID
	}
	picked := s.turn(key, ids, false)
	return best[slices.Index(ids, picked)]
}

// turn returns the first of names, which are sorted, after the one that was
// taken last, and moves the cursor there. Without a cursor it takes the first,
// or any. The caller holds mu.
func (s *RoundRobinSelector) turn(key string, names []string, anyFirst bool) string {
	i := 0
	if last, ok := s.cursors.get(key); ok {
		i, ok = slices.BinarySearch(names, last)
		if ok {
			i++
		}
		if i == len(names) {
			i = 0
		}
	} else if anyFirst {
		i = s.random(len(names))
	}
	s.cursors.set(key, names[i])
	return names[i]
}

func (s *RoundRobinSelector) random(n int) int {
	if s.rand == nil {
		return rand.IntN(n)
	}
	return s.rand(n)
}

// parentsOf returns the accounts behind the credentials, sorted, or nil when
// one of them belongs to none.
func parentsOf(auths []*auth.Auth) []string {
	var parents []string
	for _, a := range auths {
		parent := a.Group()
		if parent == "" {
			return nil
		}
		parents = append(parents, parent)
	}
	slices.Sort(parents)
	return slices.Compact(parents)
}

var _ auth.Selector = (*RoundRobinSelector)(nil)
