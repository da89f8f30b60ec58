package host

import (
	"context"
	"fmt"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// Change lets f edit a copy of a credential's newest record and makes that the
// newest. Changes of one credential follow each other, so that none is lost to
// one that was begun at the same time; what attempts teach meanwhile is kept.
// Switching a credential off and on again forgets its cooldowns. When f or the
// store fails, nothing changes, and the error of f comes back as it is. f must
// not call the manager about the same credential. It returns a copy of what was
// published; an unknown id is the error auth_not_found. spec: core.md 8.
func (m *Manager) Change(ctx context.Context, id string, f func(a *auth.Auth) error) (*auth.Auth, error) {
	if m.isClosed() {
		return nil, ErrClosed
	}
	inside, release, err := m.turns.take(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("change credential %q: %w", id, err)
	}
	defer release()
	before := m.record(id)
	if before == nil {
		return nil, fault(auth.CodeAuthNotFound, "there is no credential %q", id)
	}
	a := before.Clone()
	if err := m.guarded("change of a credential", func() error { return f(a) }); err != nil {
		return nil, err
	}
	a.ID = before.ID
	if off(before) && !off(a) {
		forget(a)
	}
	return m.commit(ctx, inside, release, a, before)
}
