package selector

import (
	"context"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// FillFirstSelector uses one credential until it is blocked, and then the next
// by ID. It is safe for concurrent use; the zero value is ready and keeps real
// time.
type FillFirstSelector struct {
	now func() time.Time
}

// NewFillFirst returns a selector with a clock of the caller's; nil means
// time.Now.
func NewFillFirst(now func() time.Time) *FillFirstSelector {
	return &FillFirstSelector{now: now}
}

// Pick implements auth.Selector.
func (s *FillFirstSelector) Pick(ctx context.Context, provider, model string, opts executor.Options, auths []*auth.Auth) (*auth.Auth, error) {
	best, err := ready(ctx, provider, model, opts, auths, clock(s.now))
	if err != nil {
		return nil, err
	}
	return best[0], nil
}

func clock(now func() time.Time) time.Time {
	if now == nil {
		return time.Now()
	}
	return now()
}

var _ auth.Selector = (*FillFirstSelector)(nil)
