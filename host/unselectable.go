package host

import (
	"fmt"
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
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
	var why []string
	for _, s := range m.index.Listed(q, maxExplained) {
		if e := s.cur.Load(); e != nil {
			why = append(why, explain(e, r.route, q.Now))
		}
	}
	if more := survey.Total - len(why); more > 0 {
		why = append(why, fmt.Sprintf("and %d more", more))
	}
	return fault(auth.CodeAuthUnavailable, "no credential can serve model %q now: %s", r.route, strings.Join(why, "; "))
}

// explain says of one credential why it is not picked, without anything that a
// provider said.
func explain(e *entry, route string, now time.Time) string {
	name := fmt.Sprintf("%q", e.auth.ID)
	if e.auth.Label != "" {
		name = fmt.Sprintf("%q (%s)", e.auth.Label, e.auth.ID)
	}
	b := e.block(route, now)
	switch b.Reason {
	case auth.NotBlocked:
		return name + ": tried"
	case auth.BlockedDisabled:
		return name + ": disabled"
	}
	reason := "blocked"
	if b.Reason == auth.BlockedQuota {
		reason = "quota used up"
	}
	if b.Status != 0 {
		reason += fmt.Sprintf(" after status %d", b.Status)
	}
	if !b.Until.IsZero() {
		reason += " until " + b.Until.UTC().Format(time.RFC3339)
	}
	return name + ": " + reason
}
