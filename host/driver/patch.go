package driver

import (
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
)

// patched is the attempt's credential with the guest's last word on it. What
// exchanges brought is there already; the guest sets public fields, and takes
// away what it needed for a login only.
func (a *attempt) patched(op abi.Op, p *abi.Patch) (*auth.Auth, error) {
	fresh := a.auth.Clone()
	kind := func(name string) string {
		if slices.Contains(coreAttributes, name) {
			return abi.FieldDestination // as little the guest's
		}
		return a.e.manifest.Credential.Fields[name].Kind
	}
	if fresh.Attributes == nil {
		fresh.Attributes = map[string]string{}
	}
	for _, s := range p.Set {
		name := strings.Clone(s.Name)
		if kind(name) != abi.FieldPublic {
			return nil, a.brokenAt(op, "patch: the field %s is not public; a plugin sets public fields only", short(name))
		}
		fresh.Attributes[name] = strings.Clone(s.Value)
	}
	for _, name := range p.Delete {
		switch is := kind(name); {
		case is == abi.FieldDestination:
			return nil, a.brokenAt(op, "patch: the field %s is the operator's", short(name))
		case is != abi.FieldPublic && a.op != abi.OpLogin:
			return nil, a.brokenAt(op, "patch: the field %s is secret; a plugin deletes secrets of a login only", short(name))
		}
		delete(fresh.Attributes, name)
		delete(fresh.Metadata, name)
	}
	if p.Label != nil {
		fresh.Label = tidy(a.scrubber().text(strings.Clone(*p.Label)))
	}
	if p.Prefix != nil {
		fresh.Prefix = tidy(strings.Clone(*p.Prefix))
	}
	return fresh, nil
}
