package plugins

import (
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
)

// Consent is what an operator agrees to.
type Consent struct {
	// All: everything but what has to be named.
	All bool
	// Named are those that were named, as Explicit spells them.
	Named []string
}

// Explicit lists what an operator has to grant by name, each with a word for it
// that is easy to type: to read secrets (secrets_readable:FIELD), and to be
// called about what is not the plugin's own (intercept:PROVIDER, post_auth:NAME,
// observe:NAME). A plugin's hook on its own provider is no such thing.
func (g Grant) Explicit() []string {
	var words []string
	for _, c := range g.Capabilities {
		if rest, ok := strings.CutPrefix(c, abi.FeatureReadSecret); ok {
			words = append(words, abi.FeatureReadSecret+strings.Replace(rest, " ", ":", 1))
		}
	}
	for _, h := range g.Hooks {
		if key, ok := strings.CutPrefix(h, hookIntercept); !ok || !slices.Contains(g.Providers, key) {
			words = append(words, h)
		}
	}
	return words
}

// Withheld is what a consent leaves open.
type Withheld struct {
	// Lines are what asks has beyond what was granted before, as Missing spells
	// them, that needs a general consent; Words what has to be named.
	Lines, Words []string
	// Unknown are names of the consent that nobody asks for.
	Unknown []string
}

// Any reports whether something is open.
func (w Withheld) Any() bool { return len(w.Lines)+len(w.Words)+len(w.Unknown) > 0 }

// Withheld compares what a module asks for with what was granted before and with
// what an operator agrees to now.
func (g Grant) Withheld(asks Grant, c Consent) Withheld {
	var w Withheld
	all, have := asks.Explicit(), g.Explicit()
	for _, name := range c.Named {
		if !slices.Contains(all, name) {
			w.Unknown = append(w.Unknown, name)
		}
	}
	for _, word := range all {
		if !slices.Contains(have, word) && !slices.Contains(c.Named, word) {
			w.Words = append(w.Words, word)
		}
	}
	if !c.All {
		w.Lines = g.Missing(asks.general())
	}
	return w
}

// general is a grant without what has to be named.
func (g Grant) general() Grant {
	words := g.Explicit()
	g.Capabilities = slices.DeleteFunc(slices.Clone(g.Capabilities), func(c string) bool { return strings.HasPrefix(c, abi.FeatureReadSecret) })
	g.Hooks = slices.DeleteFunc(slices.Clone(g.Hooks), func(h string) bool { return slices.Contains(words, h) })
	return g
}
