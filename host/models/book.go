package models

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// Book holds the names that a manager was told: aliases of OAuth channels and
// of API keys, and whether prefixes are forced. It is immutable; nil is empty.
type Book struct {
	forced   bool
	channels map[string]*Aliases
	keys     keyBook
}

// WithChannels returns the book with another table of aliases by channel. Case
// and blanks around a channel's name make no difference.
func (b *Book) WithChannels(table map[string][]settings.OAuthModelAlias) *Book {
	next := b.copy()
	next.channels = make(map[string]*Aliases, len(table))
	merged := make(map[string][]settings.OAuthModelAlias, len(table))
	for _, written := range slices.Sorted(maps.Keys(table)) {
		merged[lower(written)] = append(merged[lower(written)], table[written]...)
	}
	for channel, list := range merged {
		if t := NewAliases(list, false); t != nil && channel != "" {
			next.channels[channel] = t
		}
	}
	return next
}

// WithConfig returns the book with the aliases of the API keys in cfg, and with
// its word on prefixes.
func (b *Book) WithConfig(cfg *settings.Config) *Book {
	next := b.copy()
	next.forced = cfg.Routing.ForceModelPrefix
	next.keys = newKeyBook(cfg.Credentials)
	return next
}

func (b *Book) copy() *Book {
	if b == nil {
		return &Book{}
	}
	c := *b
	return &c
}

// Of returns how a credential calls models. spec: core.md 4.7, 7.1 to 7.4.
func (b *Book) Of(a *auth.Auth) Naming {
	n := Naming{prefix: a.Prefix, own: ownAliases(a)}
	if b == nil {
		return n
	}
	n.forced = b.forced
	kind := a.Kind()
	n.channel = b.channels[OAuthModelAliasChannel(a.Provider, kind)]
	if kind != auth.KindOAuth {
		n.keys = b.keys.of(a)
	}
	return n
}

// ownAliases reads the aliases that stand in the credential itself; what cannot
// be read is none.
func ownAliases(a *auth.Auth) *Aliases {
	raw := strings.TrimSpace(a.Attributes[auth.AttrModelAliases])
	if raw == "" {
		return nil
	}
	var list []settings.OAuthModelAlias
	if json.Unmarshal([]byte(raw), &list) != nil {
		return nil
	}
	return NewAliases(list, false)
}

// natives are the providers whose API keys have no pools: of several models with
// one alias the first counts. spec: core.md 7.4, 7.5.
var natives = []string{"gemini", "claude", "codex", "vertex", "gemini-interactions", "xai"}

// keyBook finds the aliases of an API key. Where nothing in the configuration
// has an alias it is empty.
type keyBook map[keyRef]*Aliases

// keyRef is a way to refer to entries of the configuration; what it leaves empty
// is not asked for.
type keyRef struct{ kind, provider, key, base string }

// The ways.
const (
	bySource  = "source"
	byKey     = "key and address"
	byKeyOnly = "key"
	byBase    = "address"
	byName    = "name and address"
	byNameAny = "name"
)

func newKeyBook(entries []settings.Credential) keyBook {
	if !slices.ContainsFunc(entries, func(c settings.Credential) bool { return len(c.Aliases) > 0 }) {
		return nil
	}
	book := keyBook{}
	for _, c := range entries {
		if c.Disabled {
			continue
		}
		provider := lower(c.Provider)
		t := NewAliases(c.Aliases, !slices.Contains(natives, provider))
		for _, ref := range refsOf(c, c.Source, provider) {
			if _, taken := book[ref]; !taken {
				book[ref] = t
			}
		}
	}
	return book
}

// refsOf lists how an entry can be found.
func refsOf(entry settings.APIKeyConfigEntry, source, provider string) []keyRef {
	key, base := lower(entry.GetAPIKey()), lower(entry.GetBaseURL())
	refs := []keyRef{sourceRef(provider, key, base, source)}
	if key != "" {
		refs = append(refs, keyRef{byKey, provider, key, base}, keyRef{byKeyOnly, provider, key, ""})
	}
	if base != "" {
		refs = append(refs, keyRef{byBase, provider, "", base})
	}
	if !slices.Contains(natives, provider) {
		refs = append(refs, keyRef{byName, provider, "", base}, keyRef{byNameAny, provider, "", ""})
	}
	return refs
}

// sourceRef also asks for the key: while a file is reloaded, another entry may
// stand where this one was.
func sourceRef(provider, key, base, source string) keyRef {
	return keyRef{bySource, provider, key, base + "\x00" + source}
}

// of returns the aliases of the entry that a record came from: the one at its
// place in the file; the one with its key and address, where no address means
// the provider's own; its key alone; its address, if it has no key. A provider
// that is not native is also found by name, if the address agrees.
// spec: core.md 7.4.
func (b keyBook) of(a *auth.Auth) *Aliases {
	if len(b) == 0 {
		return nil
	}
	for _, ref := range refsTo(a) {
		if t, ok := b[ref]; ok {
			return t
		}
	}
	return nil
}

// refsTo lists how a record's entry is looked for, the surest way first.
func refsTo(a *auth.Auth) []keyRef {
	provider, key, base := lower(a.Provider), lower(keyOf(a)), lower(a.Attributes[auth.AttrBaseURL])
	var refs []keyRef
	if source, ok := strings.CutPrefix(a.Attributes[auth.AttrSource], "config:"); ok {
		refs = append(refs, sourceRef(provider, key, base, source))
	}
	switch {
	case key != "":
		refs = append(refs, keyRef{byKey, provider, key, base}, keyRef{byKeyOnly, provider, key, ""})
	case base != "":
		refs = append(refs, keyRef{byBase, provider, "", base})
	}
	if slices.Contains(natives, provider) {
		return refs
	}
	for _, name := range []string{a.Attributes[auth.AttrCompatName], a.Attributes[auth.AttrProviderKey], provider} {
		switch name = lower(name); {
		case name == "":
		case base == "":
			refs = append(refs, keyRef{byNameAny, name, "", ""})
		default:
			refs = append(refs, keyRef{byName, name, "", base}, keyRef{byName, name, "", ""})
		}
	}
	return refs
}

func keyOf(a *auth.Auth) string {
	if key := a.Attributes[auth.AttrAPIKey]; key != "" {
		return key
	}
	key, _ := a.Metadata[auth.AttrAPIKey].(string)
	return key
}
