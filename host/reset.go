package host

import (
	"context"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
	"github.com/patchbay-dev/patchbay/host/models"
)

// ResetCooldown forgets what is held against one model of a credential, as
// clients or the provider name it, or with an empty model against all of it. It
// takes effect at once and is saved before it returns; reset says whether there
// was anything to forget. A failure of an attempt that is still running blocks
// anew. An unknown id is the error auth_not_found.
func (m *Manager) ResetCooldown(ctx context.Context, id, model string) (reset bool, err error) {
	_, err = m.Change(ctx, id, func(a *auth.Auth) error {
		reset = cooldown.Reset(a, models.StripPrefix(a.Prefix, model), m.now())
		return nil
	})
	return reset && err == nil, err
}

// Cooldowns returns what is held against a credential now: the whole first,
// then by model. It is empty for one that is unknown, free or switched off.
func (m *Manager) Cooldowns(id string) []cooldown.Held {
	return cooldown.List(m.record(id), m.now())
}
