package soak

import (
	"context"
	"math"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// draw makes a new record for a credential.
func (s *soak) draw(t *truth) *auth.Auth {
	var models []string
	for _, m := range modelNames {
		if s.roll(3) > 0 {
			models = append(models, m)
		}
	}
	if models == nil {
		models = modelNames[:1]
	}
	groups := []string{"", "one", "two", "three"}
	return t.fresh(s.roll(10) == 0, models, s.roll(2), 1+s.roll(3), groups[s.roll(len(groups))])
}

func (s *soak) register(ctx context.Context, t *truth) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := s.draw(t)
	t.changed.Store(math.MaxInt64)
	t.since.Store(0) // it may be picked as soon as Register begins
	if _, err := s.Register(ctx, a); err != nil {
		s.violations.add("register %s: %v", t.id, err)
	}
	s.is(t, a)
}

func (s *soak) update(ctx context.Context, t *truth) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := s.draw(t)
	if t.exists {
		t.changed.Store(math.MaxInt64)
		t.since.Store(0)
	}
	switch _, err := s.Update(ctx, a); {
	case t.exists && err != nil:
		s.violations.add("update %s: %v", t.id, err)
	case !t.exists && err == nil:
		s.violations.add("update of %s, which was removed, brought it back", t.id)
	case t.exists:
		s.is(t, a)
	}
}

// is notes what a credential is from now on.
func (s *soak) is(t *truth, a *auth.Auth) {
	t.exists, t.record = true, a
	t.changed.Store(s.ticks.Add(1))
	if a.Disabled {
		t.since.Store(s.ticks.Add(1))
	}
}

func (s *soak) remove(ctx context.Context, t *truth) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := s.Remove(ctx, t.id); (err == nil) != t.exists {
		s.violations.add("remove %s: %v, and it was there: %v", t.id, err, t.exists)
	}
	t.exists, t.record = false, nil
	t.returned.Store(true)
	t.since.Store(s.ticks.Add(1))
}

// reload changes the aliases; the names under which models are asked for stay.
func (s *soak) reload() {
	table := map[string][]settings.OAuthModelAlias{}
	for _, m := range modelNames[:s.roll(len(modelNames))] {
		table[provider] = append(table[provider], settings.OAuthModelAlias{Name: m, Alias: m + "-alias", Fork: true})
	}
	s.SetOAuthModelAlias(table)
}
