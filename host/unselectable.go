package host

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// maxExplained bounds how many credentials an error names.
const maxExplained = 8

// unselectable says why no credential can be picked: nobody lists the model;
// everybody waits for a quota, and until when; or whatever it is, by
// credential. spec: core.md 4.6.
func (m *Manager) unselectable(r *request) error {
	q := m.query(r)
	survey := m.index.Survey(q)
	enabled := survey.Total - survey.Off
	switch {
	case survey.Total == 0 && r.pin != "":
		return fault(auth.CodeAuthNotFound, "credential %q does not exist or does not serve model %q", r.pin, r.route)
	case survey.Total == 0 && r.route == "":
		return fault(auth.CodeAuthNotFound, "provider %s has no credential", strings.Join(r.providers, " or "))
	case survey.Total == 0:
		return fault(auth.CodeModelNotFound, "no credential lists model %q", r.route)
	case enabled > 0 && survey.Quota == enabled:
		return auth.NewCooldownError(r.route, r.provider(), survey.Earliest, q.Now)
	}
	listed := m.index.Listed(q, maxExplained)
	var why []string
	m.mu.RLock()
	for _, s := range listed {
		if e := s.cur.Load(); e != nil {
			why = append(why, m.unsyncedExplain(s, e, r.route, q.Now).line())
		}
	}
	m.mu.RUnlock()
	if more := survey.Total - len(why); more > 0 {
		why = append(why, fmt.Sprintf("and %d more", more))
	}
	return fault(auth.CodeAuthUnavailable, "no credential can serve model %q now: %s", r.route, strings.Join(why, "; "))
}

// withWait gives a provider's 429 that names no time the one at which the first
// credential is free again, when everybody waits for a quota by now: a client that
// came back sooner would only wait here.
func (m *Manager) withWait(r *request, err error) error {
	up, ok := err.(*executor.UpstreamError) //nolint:errorlint // what somebody wrapped stays as it is
	if !ok || up.Status != http.StatusTooManyRequests || up.Retry != nil {
		return err
	}
	q := m.query(r)
	survey := m.index.Survey(q)
	if enabled := survey.Total - survey.Off; enabled == 0 || survey.Quota != enabled {
		return err
	}
	wait := survey.Earliest.Sub(q.Now)
	if wait <= 0 {
		return err
	}
	told := *up
	told.Retry = &wait
	return &told
}
