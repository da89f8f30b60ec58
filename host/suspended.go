package host

import (
	"net/http"
	"slices"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/models"
	"github.com/patchbay-dev/patchbay/host/schedule"
)

// ListModels returns every model that an enabled credential serves, once,
// sorted by ID. A model that all of them are kept away from by a refusal, be it
// of the credential or of the model, is left out until the first of these blocks
// is over; one that only waits, for a quota or a server, stays.
// core-decisions.md section 2, row 32.
func (m *Manager) ListModels() []models.Info {
	now := m.now()
	var out []models.Info
	for _, info := range m.registry.All() {
		if !m.suspended(info.ID, now) {
			out = append(out, info)
		}
	}
	return out
}

// suspended reports whether every enabled credential that serves the model was
// refused. It looks at each of them only when none is ready.
func (m *Manager) suspended(model string, now time.Time) bool {
	model = auth.CanonicalModel(model)
	q := schedule.Query{Providers: m.index.Providers(model), Model: model, Now: now}
	survey := m.index.Survey(q)
	if survey.Ready > 0 || survey.Quota > 0 {
		return false
	}
	var found bool
	for _, c := range m.index.Candidates(q, nil) {
		e := c.Value.cur.Load()
		if e == nil || e.disabled() {
			continue
		}
		if found = true; !refusal(e.block(model, now)) {
			return false
		}
	}
	return found
}

// refusals are the statuses that say no, and not later.
var refusals = []int{
	http.StatusBadRequest, http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden,
	http.StatusNotFound, http.StatusUnprocessableEntity,
}

func refusal(b auth.Block) bool {
	return b.Reason == auth.BlockedOther && slices.Contains(refusals, b.Status)
}
