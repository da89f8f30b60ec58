package selector

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// WeightedSelector is round robin in which a credential has as many turns as its
// weight (see auth.Auth.Weight), spread as evenly as whole numbers allow: over as
// many picks as all weights together each has exactly its own. Groups make no
// difference to it. It is safe for concurrent use; the zero value is ready and
// keeps real time.
type WeightedSelector struct {
	now func() time.Time

	// mu guards cursors.
	mu      sync.Mutex
	cursors cursors
}

// NewWeighted returns a selector with a clock of the caller's; nil means
// time.Now.
func NewWeighted(now func() time.Time) *WeightedSelector { return &WeightedSelector{now: now} }

// share is one turn of a credential: in each of auth.MaxWeight rounds those who
// have a turn take it in the order of their ids.
type share struct {
	round int
	auth  *auth.Auth
}

// Pick implements auth.Selector. A failed pick moves no cursor.
func (s *WeightedSelector) Pick(ctx context.Context, provider, model string, opts executor.Options, auths []*auth.Auth) (*auth.Auth, error) {
	best, err := ready(ctx, provider, model, opts, auths, clock(s.now))
	if err != nil {
		return nil, err
	}
	var all []share
	for _, a := range best {
		w := a.Weight()
		for turn := range w {
			all = append(all, share{((turn+1)*auth.MaxWeight + w - 1) / w, a})
		}
	}
	slices.SortFunc(all, func(a, b share) int {
		return cmp.Or(cmp.Compare(a.round, b.round), cmp.Compare(a.auth.ID, b.auth.ID))
	})
	key := strings.ToLower(provider) + ":" + auth.CanonicalModel(model) + ":" + strconv.Itoa(best[0].Priority())
	s.mu.Lock()
	defer s.mu.Unlock()
	next := all[0]
	if last, ok := s.cursors.get(key); ok {
		text, id, _ := strings.Cut(last, ":")
		round, _ := strconv.Atoi(text)
		i := slices.IndexFunc(all, func(x share) bool { return x.round > round || x.round == round && x.auth.ID > id })
		next = all[max(i, 0)]
	}
	s.cursors.set(key, strconv.Itoa(next.round)+":"+next.auth.ID)
	return next.auth, nil
}

var _ auth.Selector = (*WeightedSelector)(nil)
