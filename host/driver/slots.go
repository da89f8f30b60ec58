package driver

import (
	"slices"
	"strconv"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// place is where a value stands in a request.
type place struct {
	o     *outgoing
	kind  string // header, query or path
	name  string // of the header, canonical, or of the query pair
	index int    // of the segment, counted from 0 behind the base's path
}

// position names the place as a manifest does.
func (p place) position() string {
	if p.kind == "path" {
		return "path:" + strconv.Itoa(p.index)
	}
	return p.kind + ":" + p.name
}

// is reports whether a slot's position is this place. The names of headers
// fold case, the others do not.
func (p place) is(position string) bool {
	kind, rest, ok := strings.Cut(position, ":")
	switch {
	case !ok || kind != p.kind:
		return false
	case kind == "header":
		return strings.EqualFold(rest, p.name)
	case kind == "path":
		return rest == strconv.Itoa(p.index)
	}
	return rest == p.name
}

// text resolves the parts of one value. A value is either text alone, or a
// declared slot: its prefix, then one secret, and nothing else. What looks like
// a reference inside a literal is text.
func (a *attempt) text(parts []abi.Part, at place) (string, error) {
	if len(parts) == 1 && parts[0].Which == abi.PartIsLiteral {
		return strings.Clone(parts[0].Literal), nil
	}
	var prefix strings.Builder
	var ref *abi.SecretRef
	for _, p := range parts {
		switch p.Which {
		case abi.PartIsLiteral:
			if ref != nil && p.Literal != "" {
				return "", a.broken("text follows a secret at %s; a slot ends with its secret", at.position())
			}
			prefix.WriteString(p.Literal)
		case abi.PartIsSecret:
			if ref != nil {
				return "", a.broken("two secrets at %s; a slot holds one", at.position())
			}
			ref = p.Secret
		default:
			return "", a.broken("a part %s at %s is not in this build of the host", p.Which, at.position())
		}
	}
	if ref == nil {
		return prefix.String(), nil
	}
	if ref.Which != abi.SecretRefIsCredential {
		return "", a.broken("a secret of the configuration at %s is not in this build of the host", at.position())
	}
	if !a.declared(ref.Credential, prefix.String(), at) {
		return "", a.broken("no slot allows the secret %q at %s of a %s to destination %s with the prefix %q",
			short(ref.Credential), at.position(), at.o.method, at.o.name, short(prefix.String()))
	}
	value := secret(a.auth, ref.Credential)
	if value == "" || strings.ContainsFunc(value, isControl) {
		name := strings.Clone(ref.Credential)
		return "", &executor.UpstreamError{
			Status: codes["auth_invalid"].status, Code: "auth_invalid", CredentialScope: true,
			Message: "the credential's field " + name + " is empty or holds a control character; set it again",
		}
	}
	return prefix.String() + value, nil
}

// declared reports whether the manifest has a slot for exactly this.
func (a *attempt) declared(name, prefix string, at place) bool {
	if kind := a.e.manifest.Credential.Fields[name].Kind; kind != "" && kind != abi.FieldSecret {
		return false
	}
	return slices.ContainsFunc(a.e.manifest.Slots, func(s abi.Slot) bool {
		return s.Secret == name && s.Destination == at.o.name && s.Prefix == prefix &&
			(s.Encoding == "" || s.Encoding == "none") &&
			slices.Contains(s.Methods, at.o.method) && at.is(s.Position)
	})
}
