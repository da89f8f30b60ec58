package host

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/retry"
)

// asked reports whether the executor itself asks for a refresh.
func asked(err error) bool {
	upstream, ok := errors.AsType[*executor.UpstreamError](err)
	return ok && upstream.Refresh
}

// renewFor makes an attempt ready to be made again after a 401: with tokens that
// somebody got meanwhile, else with new ones. It reports false when the 401
// stands: the credential has no refresh token and its executor did not ask, it had its second chance in this
// request, or could not be refreshed. spec: core.md 2.8; core-decisions.md
// section 2, row 13.
func (m *Manager) renewFor(ctx context.Context, r *request, at *attempt, err error) bool {
	id := at.slot.id
	if !retry.Unauthorized(err) || slices.Contains(r.renewed, id) {
		return false
	}
	if !asked(err) && (r.w.refresh.SkipUnauthorized || at.auth.RefreshToken() == "") {
		return false
	}
	r.renewed = append(r.renewed, id)
	a, err := m.renew(ctx, id, at.auth)
	if err != nil || off(a) || providerKey(a.Provider) != at.provider {
		return false
	}
	at.auth, at.started = a, m.now()
	at.opts.Metadata = maps.Clone(at.opts.Metadata)
	return true
}
