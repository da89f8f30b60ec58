package driver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
)

// PostAuth is a plugin's check of new credentials. It is safe for concurrent
// use.
type PostAuth struct {
	e    *Executor
	hook abi.PostAuth
	// schema returns the manifest of who serves a provider, nil for nobody.
	schema func(provider string) *abi.Manifest
}

// NewPostAuth returns the hook that a manifest provides. Schema returns the
// manifest of whoever serves a provider: its public fields are what the hook may
// see; nil means that nobody does. Of the options Door is not needed.
func NewPostAuth(guest abi.Guest, m *abi.Manifest, p abi.PostAuth, schema func(provider string) *abi.Manifest, opts Options) (*PostAuth, error) {
	e, err := newHook(guest, m, p.Name, opts)
	if err != nil {
		return nil, err
	}
	return &PostAuth{e: e, hook: p, schema: schema}, nil
}

// Retire lets it be asked no more; see Executor.Retire.
func (p *PostAuth) Retire() { p.e.Retire() }

// Drain waits until nobody asks it any more, or ctx ends.
func (p *PostAuth) Drain(ctx context.Context) error { return p.e.Drain(ctx) }

// Check is an auth.PostAuthHook. The guest rejects the credential, or changes
// what a hook may: its label, and attributes that begin with x., the plugin's
// id and a dot. Every fault rejects; a missing RequestInfo does if the manifest
// says so. contract section 5.
func (p *PostAuth) Check(ctx context.Context, a *auth.Auth) error {
	id := p.e.manifest.ID
	info := auth.GetRequestInfo(ctx)
	if info == nil && p.hook.RequiresRequest {
		return fmt.Errorf("the plugin %s needs to know of the request behind a login, and there is none", id)
	}
	at, err := p.e.askHook(ctx, abi.OpPostAuth, &abi.PostAuthInput{
		Provider: a.Provider, Credential: p.shown(a), Info: p.named(info), Origin: string(auth.OriginOf(ctx)),
	})
	if err != nil {
		if plugin, ok := errors.AsType[*PluginError](err); ok {
			return plugin.Public
		}
		return err
	}
	defer at.release()
	switch act := at.todo; act.Which {
	case abi.ActionIsPatch:
		return at.patchNew(a, act.Patch)
	case abi.ActionIsReject:
		return fmt.Errorf("the plugin %s says: %s", id, tidy(strings.Clone(act.Reject.Reason)))
	}
	return fmt.Errorf("the plugin %s does not check credentials, although its manifest says so", id)
}

// own is what the names of a plugin's own attributes begin with.
func own(plugin string) string { return ownAttributes + plugin + "." }

// ownAttributes begins the names of attributes that plugins keep.
const ownAttributes = "x."

// shown is what a hook sees of a credential that is not its provider's: the
// label, the public fields, and its own.
func (p *PostAuth) shown(a *auth.Auth) *abi.Credential {
	c := &abi.Credential{ID: opaqueID(a.ID), Label: toText(a.Label)}
	if m := p.schema(a.Provider); m != nil {
		for _, name := range fieldsOf(m) {
			if m.Credential.Fields[name].Kind == abi.FieldPublic && !abi.SealedName(name) {
				if v := field(m, a, name); v != "" {
					c.Fields = append(c.Fields, abi.Pair{Name: name, Value: toText(v)})
				}
			}
		}
	}
	for name, v := range a.Attributes {
		if strings.HasPrefix(name, own(p.e.manifest.ID)) {
			c.Fields = append(c.Fields, abi.Pair{Name: name, Value: toText(v)})
		}
	}
	slices.SortFunc(c.Fields, func(x, y abi.Pair) int { return strings.Compare(x.Name, y.Name) })
	return c
}

// hiddenQuery are keys of a login's callback that nobody is told.
var hiddenQuery = []string{"code", "state"}

// named are the headers and query pairs of a login's request that the hook
// names, without those that could hold a key.
func (p *PostAuth) named(info *auth.RequestInfo) *abi.RequestInfo {
	if info == nil {
		return nil
	}
	out := &abi.RequestInfo{}
	for _, name := range p.hook.Headers {
		if abi.SealedName(name) {
			continue
		}
		for _, v := range info.Headers.Values(name) {
			out.Headers = append(out.Headers, abi.Pair{Name: http.CanonicalHeaderKey(name), Value: toText(v)})
		}
	}
	for _, name := range p.hook.Query {
		if abi.SealedName(name) || slices.Contains(hiddenQuery, strings.ToLower(name)) {
			continue
		}
		for _, v := range info.Query[name] {
			out.Query = append(out.Query, abi.Pair{Name: name, Value: toText(v)})
		}
	}
	return out
}

// maxOwn bounds an attribute of a plugin's own: its name and its value, each in
// bytes; maxOwns is how many a plugin may set at once.
const (
	maxOwn  = 1 << 10
	maxOwns = 32
)

// patchNew makes a hook's changes of a new credential, all or none.
func (a *attempt) patchNew(to *auth.Auth, p *abi.Patch) error {
	prefix := own(a.e.manifest.ID)
	mine := func(name string) bool {
		return strings.HasPrefix(name, prefix) && len(name) > len(prefix) && len(name) <= maxOwn &&
			!abi.SealedName(name[len(prefix):]) && !strings.ContainsFunc(name, isControl)
	}
	if p.Prefix != nil || p.Revision != 0 || len(p.Set) > maxOwns {
		return a.broken("patch: a hook sets no prefix, no revision and at most %d attributes", maxOwns)
	}
	fresh := to.Clone()
	for _, s := range p.Set {
		if !mine(s.Name) || len(s.Value) > maxOwn || strings.ContainsFunc(s.Value, isControl) {
			return a.broken("patch: %s is not a hook's to set; the label is, and what begins with %s", short(s.Name), prefix)
		}
		if fresh.Attributes == nil {
			fresh.Attributes = map[string]string{}
		}
		fresh.Attributes[strings.Clone(s.Name)] = strings.Clone(s.Value)
	}
	for _, name := range p.Delete {
		if !mine(name) {
			return a.broken("patch: %s is not a hook's to delete", short(name))
		}
		delete(fresh.Attributes, name)
	}
	if p.Label != nil {
		fresh.Label = tidy(strings.Clone(*p.Label))
	}
	to.Attributes, to.Label = fresh.Attributes, fresh.Label
	return nil
}
