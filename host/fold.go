package host

import (
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/models"
)

// Names of models are what their providers make of them, case included; aliases
// are the operator's, and found in any case. So a lane of an alias has a second
// name, which no client can spell: foldMark, the credential's prefix as it is,
// foldMark, and the alias in lower case. core.md 7.2, 7.4.
const foldMark = "\x00"

func folded(prefix, alias string) string {
	return foldMark + prefix + foldMark + strings.ToLower(alias)
}

// foldOf returns the second name of a lane, empty when id is no alias. targets are
// what it stands for.
func foldOf(names models.Naming, id string, targets []models.Target) string {
	bare := names.Bare(id)
	alias := auth.CanonicalModel(bare)
	if len(targets) == 1 && strings.EqualFold(auth.CanonicalModel(targets[0].Upstream), alias) {
		return ""
	}
	return folded(strings.TrimSuffix(strings.TrimSuffix(id, bare), "/"), alias)
}

// laneName returns the name under which the index knows a model that a client
// asks for: the name itself, or, when nobody lists that, the one that an alias
// has in any case. What nobody lists either way stays as it is.
func (m *Manager) laneName(canonical string) string {
	switch {
	case strings.Contains(canonical, foldMark):
		return foldMark // nobody's
	case canonical == "" || m.index.Lists(canonical):
		return canonical
	}
	if name := folded("", canonical); m.index.Lists(name) {
		return name
	}
	for i, c := range canonical {
		if c != '/' {
			continue
		}
		if name := folded(canonical[:i], canonical[i+1:]); m.index.Lists(name) {
			return name
		}
	}
	return canonical
}

// foldedLane finds the lane of an alias, which is asked for in any case; -1 when
// the credential has none.
func (e *entry) foldedLane(canonical string) int {
	bare := e.names.Bare(canonical)
	name := folded(strings.TrimSuffix(strings.TrimSuffix(canonical, bare), "/"), bare)
	return slices.IndexFunc(e.lanes, func(l lane) bool { return l.name == name })
}
