package host

import (
	"slices"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/models"
	"github.com/patchbay-dev/patchbay/host/schedule"
)

// lane is a model as clients name it, and the name that its state is kept
// under; they differ by the credential's prefix and aliases.
type lane struct {
	name, state string
	// others are the states of the further members of a pool.
	others []string
}

// has reports whether a state is one of the lane's.
func (l lane) has(state string) bool { return l.state == state || slices.Contains(l.others, state) }

// better is the standing of a pool of which two members stand like this.
func better(a, b schedule.State) schedule.State {
	switch {
	case !a.Blocked && !a.Probe:
		return a
	case !b.Blocked && !b.Probe:
		return b
	case !a.Blocked:
		return a
	case !b.Blocked:
		return b
	}
	quota := a.Quota && b.Quota
	if a.Until.IsZero() || !b.Until.IsZero() && b.Until.Before(a.Until) {
		a = b
	}
	a.Quota = quota
	return a
}

// lanesOf lists where a credential is picked: under every name that its models
// have for clients, and under no model at all.
func lanesOf(names models.Naming, served []models.Info) []lane {
	lanes := []lane{{}}
	seen := map[string]bool{"": true}
	var buf [4]models.Target
	for _, info := range names.Publish(served) {
		name := auth.CanonicalModel(info.ID)
		if seen[name] {
			continue
		}
		seen[name] = true
		targets := names.Resolve(buf[:0], info.ID)
		l := lane{name: name, state: targets[0].State}
		for _, t := range targets[1:] {
			if !l.has(t.State) {
				l.others = append(l.others, t.State)
			}
		}
		lanes = append(lanes, l)
		if l.name = foldOf(names, info.ID, targets); l.name != "" && !seen[l.name] {
			seen[l.name] = true
			lanes = append(lanes, l)
		}
	}
	return lanes
}
