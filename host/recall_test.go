package host_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// healthy is a store that also keeps health. Its own mutex is memory's.
type healthy struct {
	memory
	health map[string]map[string]*auth.ModelState
}

func (s *healthy) SaveHealth(_ context.Context, a *auth.Auth) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.health == nil {
		s.health = map[string]map[string]*auth.ModelState{}
	}
	s.health[a.ID] = a.Clone().ModelStates
	return s.err
}

func (s *healthy) Health(_ context.Context, a *auth.Auth) (map[string]*auth.ModelState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.health[a.ID]), s.err
}

// lived runs f on a manager over store and ends it, as a restart does.
func lived(t *testing.T, store auth.Store, cool settings.Cooldown, f func(*rig)) {
	t.Helper()
	r := newRig(t, withStore(store), func(o *host.Options) { o.Cooldown = cool })
	r.RegisterExecutor(fails("p", nil))
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	f(r)
	if err := r.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// TestCooldownsSurviveARestart: those of credentials in the store, and of those
// whose records come from elsewhere; not when the operator does not want it.
// core-decisions.md section 2, row 32.
func TestCooldownsSurviveARestart(t *testing.T) {
	forgetful := settings.DefaultCooldown()
	forgetful.SkipPersist = true
	for name, c := range map[string]struct {
		before, after settings.Cooldown
		kept          bool
	}{
		"as it ships":           {settings.DefaultCooldown(), settings.DefaultCooldown(), true},
		"never kept":            {forgetful, settings.DefaultCooldown(), false},
		"kept, then not wanted": {settings.DefaultCooldown(), forgetful, false},
	} {
		store := &healthy{}
		declared := auth.Auth{ID: "cfg-1", Provider: "p", Attributes: map[string]string{auth.AttrRuntimeOnly: "true"}}
		stored := auth.Auth{ID: "a", Provider: "p"}
		lived(t, store, c.before, func(r *rig) {
			r.add(declared, "m")
			r.add(stored, "m")
			r.block("cfg-1", "m", 429, time.Hour)
			r.block("a", "m", 403, 0)
		})
		same(t, "saves of a declared record", store.record("cfg-1") == nil, true)
		lived(t, store, c.after, func(r *rig) {
			r.add(declared, "m")
			r.serve("a", "m")
			for _, id := range []string{"a", "cfg-1"} {
				if got := r.state(id, "m").Unavailable; got != c.kept {
					t.Errorf("%s: %s is blocked: %v", name, id, got)
				}
			}
			if _, err := r.ask("m", "p"); (err != nil) != c.kept {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// TestWhatAnOperatorForgotStaysForgotten, also for credentials whose records come
// from elsewhere.
func TestWhatAnOperatorForgotStaysForgotten(t *testing.T) {
	store := &healthy{}
	declared := auth.Auth{ID: "cfg-1", Provider: "p", Attributes: map[string]string{auth.AttrRuntimeOnly: "true"}}
	lived(t, store, settings.DefaultCooldown(), func(r *rig) {
		r.add(declared, "m")
		r.block("cfg-1", "m", 429, time.Hour)
	})
	lived(t, store, settings.DefaultCooldown(), func(r *rig) {
		r.add(declared, "m")
		if reset, err := r.ResetCooldown(t.Context(), "cfg-1", ""); err != nil || !reset {
			t.Fatal(reset, err)
		}
	})
	lived(t, store, settings.DefaultCooldown(), func(r *rig) {
		r.add(declared, "m")
		r.answers("cfg-1")("m", "p")
	})
}
