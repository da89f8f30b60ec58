package driver

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
)

// fieldsOf returns the names of a manifest's credential fields, sorted.
func fieldsOf(m *abi.Manifest) []string { return slices.Sorted(maps.Keys(m.Credential.Fields)) }

// field returns the value of a public or destination field: what the operator
// set, else the manifest's default.
func field(m *abi.Manifest, a *auth.Auth, name string) string {
	if v := a.Attributes[name]; v != "" {
		return v
	}
	if isExpiry(name) {
		if v, ok := a.Metadata[name].(string); ok {
			return v
		}
	}
	return m.Credential.Fields[name].Default
}

// secret returns the value of a secret field, empty when it has none.
func secret(a *auth.Auth, name string) string {
	v, _ := a.Metadata[name].(string)
	return v
}

// hideConfig has the secrets of the plugin's configuration removed too.
func (e *Executor) hideConfig(s *scrubber) {
	if e.opts.ConfigSecret == nil {
		return
	}
	for _, name := range e.manifest.ConfigSecrets {
		s.learn(e.opts.ConfigSecret(name))
	}
}

// visible returns what a guest may see of a credential: its public and
// destination fields and the names of the secrets that are set. The proxy, the
// index, the status and the last error are no part of it. contract section 5.
func (e *Executor) visible(a *auth.Auth) *abi.Credential {
	m := e.manifest
	c := &abi.Credential{ID: opaqueID(a.ID), Label: a.Label, ToolPrefixDisabled: a.ToolPrefixDisabled()}
	for _, name := range e.fields {
		switch m.Credential.Fields[name].Kind {
		case abi.FieldPublic, abi.FieldDestination:
			if v := field(m, a, name); v != "" {
				c.Fields = append(c.Fields, abi.Pair{Name: name, Value: v})
			}
		default:
			if v := secret(a, name); v != "" {
				if slices.Contains(e.readable, name) {
					c.Fields = append(c.Fields, abi.Pair{Name: name, Value: toText(v)})
				}
				c.Secrets = append(c.Secrets, name)
			}
		}
	}
	if at, ok := a.ExpirationTime(); ok && !at.IsZero() {
		c.ExpiresAtMS = at.UnixMilli()
	}
	return c
}

// opaqueID is a stable name for a credential that does not give away its id,
// which may be a file name or an account.
func opaqueID(id string) string {
	sum := sha256.Sum256([]byte("patchbay credential\x00" + id))
	return hex.EncodeToString(sum[:12])
}
