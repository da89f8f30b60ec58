package models

import (
	"slices"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// Naming is how one credential calls models: its prefix and its aliases. It is
// immutable, and the zero value calls everything by its name.
type Naming struct {
	prefix string
	// forced: nothing is served without the prefix.
	forced bool
	// own are the credential's aliases; those of its channel count after them.
	own, channel *Aliases
	// keys are the aliases of the API key in the configuration.
	keys *Aliases
}

// Target is one name under which the provider gets a request, and the name under
// which the credential remembers what came of it.
type Target struct{ Upstream, State string }

// Plain reports whether a model is called by one name only, but for the prefix.
func (n Naming) Plain() bool { return n.own == nil && n.channel == nil && n.keys == nil }

// Resolve appends the targets that a client's name for a model has: one, or
// several for a pool, in the order in which they are declared. Aliases are taken
// one step, so that two which stand for each other are no circle.
//
// Failures are remembered under the provider's name; under the client's, without
// prefix and suffix, where an API key's alias stands for a single model.
// spec: core.md 2.4 and section 7.
func (n Naming) Resolve(to []Target, route string) []Target {
	asked := StripPrefix(n.prefix, route)
	if n.Plain() {
		return append(to, Target{asked, auth.CanonicalModel(asked)})
	}
	var buf [4]string
	selection := asked
	if names := n.own.resolve(buf[:0], asked); len(names) > 0 {
		selection = names[0]
	} else if names := n.channel.resolve(buf[:0], asked); len(names) > 0 {
		selection = names[0]
	}
	names := n.keys.resolve(buf[:0], selection)
	switch len(names) {
	case 0:
		return append(to, Target{selection, auth.CanonicalModel(selection)})
	case 1:
		return append(to, Target{names[0], auth.CanonicalModel(asked)})
	}
	for _, name := range names {
		to = append(to, Target{name, auth.CanonicalModel(name)})
	}
	return to
}

// Publish returns the models that the credential is asked for, when infos is
// what it serves: renamed, and with the prefix, beside the plain names or in
// their place. It is the order that clients see; of two with one ID the first
// counts.
func (n Naming) Publish(infos []Info) []Info {
	infos = n.channel.publish(infos, false)
	infos = n.own.publish(infos, true)
	infos = n.keys.publish(infos, true)
	if n.prefix == "" || !n.forced {
		return Names(n.prefix, infos)
	}
	out := slices.Clone(infos)
	for i := range out {
		if out[i].ID != n.prefix { // a model that is called like the prefix stays
			out[i].ID = n.prefix + "/" + out[i].ID
		}
	}
	return out
}

// Bare returns a client's name for a model without the credential's prefix.
func (n Naming) Bare(route string) string { return StripPrefix(n.prefix, route) }
