package models

import (
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// Aliases is a compiled list of other names for models. It is immutable; nil
// holds none.
type Aliases struct {
	// to has the provider's names by alias in lower case; more than one is a
	// pool.
	to map[string][]string
	// from has what is listed in place of a name, or beside it, by name in lower
	// case; order keeps the names as they were first written.
	from  map[string]*renamed
	order []string
}

type renamed struct {
	aliases []string
	keep    bool
}

// NewAliases compiles a list. Entries without a name or an alias, and those
// where both are the same, case aside, count for nothing. Of two entries with
// one alias the first counts; with pools, all of them do, in order. A list
// without an entry that counts gives nil. spec: core.md 7.2, 7.4, 7.5.
func NewAliases(list []settings.OAuthModelAlias, pools bool) *Aliases {
	t := &Aliases{to: map[string][]string{}, from: map[string]*renamed{}}
	spelled := map[string]string{} // one alias is listed in one spelling
	for _, in := range list {
		name, alias := strings.TrimSpace(in.Name), strings.TrimSpace(in.Alias)
		if name == "" || alias == "" || strings.EqualFold(name, alias) {
			continue
		}
		known := t.to[lower(alias)]
		if len(known) > 0 && (!pools || slices.ContainsFunc(known, func(n string) bool { return strings.EqualFold(n, name) })) {
			continue
		}
		if len(known) == 0 {
			spelled[lower(alias)] = alias
		}
		t.to[lower(alias)] = append(known, name)
		r := t.from[lower(name)]
		if r == nil {
			r = &renamed{}
			t.from[lower(name)] = r
			t.order = append(t.order, name)
		}
		r.aliases = append(r.aliases, spelled[lower(alias)])
		r.keep = r.keep || in.Fork
	}
	if len(t.order) == 0 {
		return nil
	}
	return t
}

// resolve appends what a requested name stands for. The name is looked for as
// it is, then without its thinking suffix, case aside. A target with a suffix of
// its own keeps it; any other gets that of the request. It appends nothing when
// the name is no alias, or stands for itself.
func (t *Aliases) resolve(to []string, requested string) []string {
	if t == nil {
		return to
	}
	base := auth.CanonicalModel(requested)
	names := t.to[strings.ToLower(requested)]
	if len(names) == 0 {
		names = t.to[strings.ToLower(base)]
	}
	if len(names) == 1 && strings.EqualFold(names[0], base) {
		return to
	}
	suffix, _ := auth.Suffix(requested)
	for _, name := range names {
		if _, has := auth.Suffix(name); !has && suffix != "" {
			name += "(" + suffix + ")"
		}
		to = append(to, name)
	}
	return to
}

// publish returns what is listed when infos is served: an alias in the place of
// the name that it stands for, and the name beside it where an entry says so.
// With all, aliases of names that are not in infos are listed too, at the end.
func (t *Aliases) publish(infos []Info, all bool) []Info {
	if t == nil {
		return infos
	}
	out := make([]Info, 0, len(infos)+len(t.order))
	found := make(map[string]bool, len(t.order))
	for _, info := range infos {
		r := t.from[strings.ToLower(info.ID)]
		if r == nil || r.keep {
			out = append(out, info)
		}
		if r != nil {
			found[strings.ToLower(info.ID)] = true
			out = r.add(out, info)
		}
	}
	for _, name := range t.order {
		key := strings.ToLower(name)
		if found[key] {
			continue
		}
		info, base := baseOf(infos, name)
		switch {
		case base:
			// The name has a suffix: the model without it stays what it is.
		case all:
			info = Info{ID: name}
			if t.from[key].keep {
				out = append(out, info)
			}
		default:
			continue
		}
		out = t.from[key].add(out, info)
	}
	return out
}

func (r *renamed) add(out []Info, info Info) []Info {
	for _, alias := range r.aliases {
		info.ID = alias
		out = append(out, info)
	}
	return out
}

// baseOf finds the model that a name with a suffix is a variant of.
func baseOf(infos []Info, name string) (Info, bool) {
	base := auth.CanonicalModel(name)
	if base == name {
		return Info{}, false
	}
	for _, info := range infos {
		if strings.EqualFold(info.ID, base) {
			return info, true
		}
	}
	return Info{}, false
}
