package host

import (
	"context"
	"slices"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
)

// ResetCooldown forgets what is held against one model of a credential, as
// clients or the provider name it, or with an empty model against all of it. It
// takes effect at once and is saved before it returns; reset says whether there
// was anything to forget. A failure of an attempt that is still running blocks
// anew. An unknown id is the error auth_not_found.
func (m *Manager) ResetCooldown(ctx context.Context, id, model string) (reset bool, err error) {
	_, err = m.Change(ctx, id, func(a *auth.Auth) error {
		reset = false
		for _, state := range m.statesOf(a, model) {
			reset = cooldown.Reset(a, state, m.now()) || reset
		}
		return nil
	})
	return reset && err == nil, err
}

// statesOf lists what a credential remembers of a model under: the name itself,
// and what it stands for.
func (m *Manager) statesOf(a *auth.Auth, model string) []string {
	if model == "" {
		return []string{""}
	}
	names := m.world.Load().names.Of(a)
	states := []string{names.Bare(model)}
	for _, t := range names.Resolve(nil, model) {
		states = append(states, t.State)
	}
	// No state here means all of them, which is not what was asked for.
	return slices.DeleteFunc(states, func(s string) bool { return s == "" })
}

// Cooldowns returns what is held against a credential now: the whole first,
// then by model. It is empty for one that is unknown, free or switched off.
func (m *Manager) Cooldowns(id string) []cooldown.Held {
	return cooldown.List(m.record(id), m.now())
}
