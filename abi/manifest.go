//go:build !wasip1

package abi

import "encoding/json"

// ManifestSection is the name of the custom section that holds the manifest.
const ManifestSection = "patchbay.manifest"

// Manifest is what a plugin says of itself: JSON in the custom section
// patchbay.manifest. manifest.schema.json beside this file is its JSON Schema.
// Unknown keys are refused under capabilities, slots, destinations and
// signers, and ignored elsewhere.
type Manifest struct {
	// ID names the plugin: lower-case letters, digits and dashes.
	ID string `json:"id"`
	// Version is a semantic version.
	Version string `json:"version"`
	// ABI is the contract's version, 1.
	ABI         int    `json:"abi"`
	Description string `json:"description,omitempty"`
	Author      string `json:"author,omitempty"`
	License     string `json:"license,omitempty"`
	Homepage    string `json:"homepage,omitempty"`
	// Requires lists features (the Feature constants) that the host must have.
	Requires []string `json:"requires,omitempty"`
	Provides Provides `json:"provides"`
	// Credential describes the fields of a credential of this plugin's
	// providers. A field that is not named here is secret.
	Credential   CredentialSchema `json:"credential"`
	Slots        []Slot           `json:"slots,omitempty"`
	Destinations []Destination    `json:"destinations,omitempty"`
	Signers      []Signer         `json:"signers,omitempty"`
	Capabilities []Capability     `json:"capabilities,omitempty"`
	Limits       ManifestLimits   `json:"limits"`
	// Config is the JSON Schema of the plugin's configuration.
	Config json.RawMessage `json:"config,omitempty"`
	// ConfigSecrets names the configuration fields that are secret.
	ConfigSecrets []string `json:"config_secrets,omitempty"`
}

// Provides lists what a plugin is for.
type Provides struct {
	Providers []Provider `json:"providers,omitempty"`
	Preparers []Preparer `json:"preparers,omitempty"`
	PostAuth  []PostAuth `json:"post_auth,omitempty"`
	Observers []Observer `json:"observers,omitempty"`
}

// Provider is one provider that a plugin serves.
type Provider struct {
	// Key is the provider key of credentials, such as openai-compatible.
	Key string `json:"key"`
	// Formats are the wire formats that the provider takes and gives, the best
	// first: openai-chat, and others of the registry in SPEC.md.
	Formats []string `json:"formats"`
	// Modes are execute, stream and count.
	Modes []string `json:"modes"`
	// Deliver are the deliver modes that its sends use: pass, events, whole,
	// exchange.
	Deliver []string `json:"deliver,omitempty"`
	// Transports that its sends use; empty means http.
	Transports []string `json:"transports,omitempty"`
	// Body is handle (the default: the guest sees the size) or bytes.
	Body string `json:"body,omitempty"`
	// ClientHeaders are the client headers that execute carries, by name.
	ClientHeaders []string    `json:"client_headers,omitempty"`
	Models        ModelSource `json:"models"`
	// OnError says whether its sends use classify or resume; used to refuse at
	// load what a host does not have.
	OnError []string `json:"on_error,omitempty"`
	// RefreshLead is how long before expiry a refresh is due, a Go duration.
	RefreshLead string `json:"refresh_lead,omitempty"`
	// AliasChannel is the model alias channel of its OAuth credentials.
	AliasChannel string `json:"alias_channel,omitempty"`
	// QuotaGroup names the public field that groups credentials by quota.
	QuotaGroup string `json:"quota_group,omitempty"`
	// Cancel asks for op cancel, Sessions for op close_session.
	Cancel   bool `json:"cancel,omitempty"`
	Sessions bool `json:"sessions,omitempty"`
	// Refresh and Login say that the provider has these ops.
	Refresh bool `json:"refresh,omitempty"`
	Login   bool `json:"login,omitempty"`
	// LoginRedirect is where the provider's login page sends the browser back
	// to: http://127.0.0.1[:PORT]/PATH, or localhost. Without a port any free one
	// is taken; empty means any path too.
	LoginRedirect string `json:"login_redirect,omitempty"`
}

// ModelSource says where a provider's models come from.
type ModelSource struct {
	// Source is guest (op models, the default), static, or none: the operator
	// lists them on the credential.
	Source string   `json:"source,omitempty"`
	Static []string `json:"static,omitempty"`
}

// Preparer is a request preparer for other providers' requests.
type Preparer struct {
	Name string `json:"name"`
	// Providers whose requests it wants to intercept.
	Providers []string `json:"providers"`
}

// PostAuth is a hook on new credentials.
type PostAuth struct {
	Name            string   `json:"name"`
	Headers         []string `json:"headers,omitempty"`
	Query           []string `json:"query,omitempty"`
	RequiresRequest bool     `json:"requires_request,omitempty"`
}

// Observer is told of results and changes.
type Observer struct {
	Name   string   `json:"name"`
	Events []string `json:"events"`
}

// CredentialSchema describes a provider's credentials.
type CredentialSchema struct {
	Fields map[string]CredentialField `json:"fields,omitempty"`
}

// CredentialField is one field of a credential.
type CredentialField struct {
	// Kind is secret (the default), public or destination.
	Kind        string `json:"kind,omitempty"`
	Required    bool   `json:"required,omitempty"`
	Description string `json:"description,omitempty"`
	// Pattern is a regular expression (RE2) that the whole value must match.
	Pattern string `json:"pattern,omitempty"`
	// Default is used when the operator sets nothing; not for secrets.
	Default string `json:"default,omitempty"`
}

// Kinds of a credential field.
const (
	FieldSecret      = "secret"
	FieldPublic      = "public"
	FieldDestination = "destination"
)

// Slot is a place where a secret may stand.
type Slot struct {
	// Secret is the credential's secret field, config:NAME for a secret of the
	// configuration, or signer:NAME for what a signer makes.
	Secret string `json:"secret"`
	// Destination is the name of a destination of this manifest.
	Destination string   `json:"destination"`
	Methods     []string `json:"methods"`
	// Position is header:NAME, query:NAME, form:NAME, json:POINTER or
	// path:INDEX.
	Position string `json:"position"`
	// Prefix is literal text before the secret, such as "Bearer ".
	Prefix string `json:"prefix,omitempty"`
	// Encoding is none (the default), base64, base64url, hex, json, form or
	// path.
	Encoding string `json:"encoding,omitempty"`
}

// Destination is a place that a plugin may send to: either Field, or Provider,
// or Scheme and Host.
type Destination struct {
	Name string `json:"name"`
	// Field is a credential field of kind destination that holds a base URL.
	Field string `json:"field,omitempty"`
	// Provider is a provider whose requests a preparer of this plugin
	// intercepts: wherever they go, for its slots.
	Provider string `json:"provider,omitempty"`
	// Scheme, Host, Port and PathPrefix are fixed; {field} in Host stands for
	// the value of a destination field, which matches one label.
	Scheme     string   `json:"scheme,omitempty"`
	Host       string   `json:"host,omitempty"`
	Port       int      `json:"port,omitempty"`
	PathPrefix string   `json:"path_prefix,omitempty"`
	Methods    []string `json:"methods"`
}

// Signer is a signature that the host makes.
type Signer struct {
	Name string `json:"name"`
	// Kind is sigv4, jwt or hmac.
	Kind string `json:"kind"`
	// Params are fixed by the manifest; JWTSigner and HMACSigner say what they are.
	Params map[string]string `json:"params,omitempty"`
}

// Capability is something that a plugin may do, and why.
type Capability struct {
	// Name is network or secrets_readable.
	Name   string `json:"name"`
	Reason string `json:"reason"`
	// Fields are the credential's secret fields whose values secrets_readable
	// gives to the plugin; for that capability alone.
	Fields []string `json:"fields,omitempty"`
}

// The capabilities.
const (
	// CapabilityNetwork lets a plugin's sends leave the host.
	CapabilityNetwork = "network"
	// CapabilityReadSecrets gives a plugin the values of the secret fields that
	// it names.
	CapabilityReadSecrets = "secrets_readable"
)

// Readable returns the secret fields whose values the plugin gets.
func (m *Manifest) Readable() []string {
	for _, c := range m.Capabilities {
		if c.Name == CapabilityReadSecrets {
			return c.Fields
		}
	}
	return nil
}

// ManifestLimits are what a plugin asks for; zero means the host's default.
type ManifestLimits struct {
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
	CallMS      int64 `json:"call_ms,omitempty"`
	Instances   int   `json:"instances,omitempty"`
}
