// Package admin is how an operator's command reaches a running server: one
// interface of operations, served as HTTP on a unix socket in the data
// directory, and a client that implements the same interface over that socket.
// A command without a server runs the operations on the store directly, and
// cannot tell the difference.
package admin

import (
	"context"
	"time"
)

// Operations is what an operator can do. Implementations are safe for
// concurrent use, and what they change takes effect before they return. Errors
// that a person is to read are *Error; any other is reported as CodeInternal.
type Operations interface {
	KeyOperations
	AuthOperations
	ImportOperations
	LoginOperations
	StatusOperations
	LogOperations
	ExplainOperations
	StoreOperations
	PluginOperations

	// CreateKey makes a client key. The key itself is in the answer and
	// nowhere else; only its hash is kept.
	CreateKey(ctx context.Context, name string) (CreatedKey, error)
	// AddAuth registers a credential, durably.
	AddAuth(ctx context.Context, spec AuthSpec) (AuthView, error)
	// ListAuths returns all credentials, sorted by id, without a secret.
	ListAuths(ctx context.Context) ([]AuthView, error)
	// RemoveAuth removes a credential; requests that use it finish. For a
	// credential from the configuration file it fails with CodeFromConfig and
	// names the file and the line.
	RemoveAuth(ctx context.Context, id string) error
	// InstallPlugin verifies a module and puts it to use. A first version fails
	// with CodeConsent, and names what was not agreed to. An update that asks for
	// more than was granted waits, with the status pending, while the version
	// before it serves on; see GrantPlugin. One that is older than what serves,
	// or failed its trial, fails with CodeConflict.
	InstallPlugin(ctx context.Context, req InstallRequest) (PluginView, error)
	// ListPlugins returns all plugins, sorted by id.
	ListPlugins(ctx context.Context) ([]PluginView, error)
	// RemovePlugin removes a plugin; requests that use it finish.
	RemovePlugin(ctx context.Context, id string) error
	// ReloadConfig reads the configuration anew and puts it into force, as a
	// whole or not at all; requests that run are not disturbed. A configuration
	// that is refused fails with CodeInvalid and exit code 3.
	ReloadConfig(ctx context.Context) (Reloaded, error)
	// Health reports whether the server can do its work, and why not.
	Health(ctx context.Context) (Health, error)
}

// CreatedKey is a new client key. It is the one answer that carries a secret.
type CreatedKey struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Key is shown once.
	Key string `json:"key"`
}

// AuthSpec says what credential to add.
type AuthSpec struct {
	Provider string `json:"provider"`
	Label    string `json:"label,omitempty"`
	// Set holds public and destination fields.
	Set map[string]string `json:"set,omitempty"`
	// Secrets holds secret fields.
	Secrets map[string]string `json:"secrets,omitempty"`
	// Models the credential serves; empty means what the provider lists.
	Models []string `json:"models,omitempty"`
	// AllowPrivate lets the credential reach private addresses by name.
	AllowPrivate bool   `json:"allow_private,omitempty"`
	Prefix       string `json:"prefix,omitempty"`
	// Priority: higher is preferred.
	Priority int `json:"priority,omitempty"`
	// Weight, MaxInFlight, Group and QuotaGroup are as in settings.Credential.
	Weight      int    `json:"weight,omitempty"`
	MaxInFlight int    `json:"max_in_flight,omitempty"`
	Group       string `json:"group,omitempty"`
	QuotaGroup  string `json:"quota_group,omitempty"`
	ProxyURL    string `json:"proxy_url,omitempty"`
	// Own are its own words on what is otherwise set for all: disable_cooling and
	// refresh_disabled (true or false), and request_retry (a number).
	Own map[string]string `json:"own,omitempty"`
}

// AuthView is what may be shown of a credential: never a secret.
type AuthView struct {
	ID       string `json:"id"`
	Provider string `json:"provider"`
	Label    string `json:"label,omitempty"`
	// Status is one of auth.Status, as it was last written down.
	Status string `json:"status"`
	// State is what that comes to now: one of States.
	State string `json:"state"`
	// Reason says why it is not ready.
	Reason string `json:"reason,omitempty"`
	// Until is when a blocked credential may be tried again; zero means now.
	Until time.Time `json:"until,omitzero"`
	// Models that the credential serves now.
	Models []string `json:"models,omitempty"`
	// Source is store, or FILE:LINE of the configuration file.
	Source string `json:"source"`
	// Fields are the public and destination fields.
	Fields map[string]string `json:"fields,omitempty"`
	// SecretsSet names the secret fields that have a value.
	SecretsSet []string `json:"secrets_set,omitempty"`
	Prefix     string   `json:"prefix,omitempty"`
	Priority   int      `json:"priority,omitempty"`
	// Weight is 0 when the operator set none, which counts as 1.
	Weight int `json:"weight,omitempty"`
	// MaxInFlight is 0 for any number.
	MaxInFlight int `json:"max_in_flight,omitempty"`
	// Group and QuotaGroup are empty for none.
	Group        string `json:"group,omitempty"`
	QuotaGroup   string `json:"quota_group,omitempty"`
	AllowPrivate bool   `json:"allow_private,omitempty"`
	// Own are its own words; see AuthSpec.
	Own map[string]string `json:"own,omitempty"`
	// HasProxy: a proxy is set; its URL may hold a password.
	HasProxy bool `json:"has_proxy,omitempty"`
	Disabled bool `json:"disabled,omitempty"`
}

// SourceStore is the Source of a credential that is in the store.
const SourceStore = "store"

// InstallRequest says which module to install.
type InstallRequest struct {
	// Path names the file, for messages. It is read if Wasm is empty, always
	// by the process of the command: a server opens no file that a request
	// names.
	Path string `json:"path,omitempty"`
	// Wasm is the module, at most MaxModule bytes.
	Wasm []byte `json:"wasm,omitempty"`
	// Yes grants what the first version of a plugin asks for, but for what has
	// to be named; Grants are those names.
	Yes    bool     `json:"yes,omitempty"`
	Grants []string `json:"grants,omitempty"`
	// Force installs a version that is older, or failed its trial.
	Force bool `json:"force,omitempty"`
}

// MaxModule is the largest module that can be installed, in bytes.
const MaxModule = 64 << 20

// PluginView is what is known of a plugin.
type PluginView struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	// SHA256 of the module, in hex.
	SHA256 string `json:"sha256"`
	// Tier is direct or extism.
	Tier      string   `json:"tier,omitempty"`
	Providers []string `json:"providers,omitempty"`
	// Status is active, installed (no server runs), quarantined, or, in the
	// answer to an install, pending. Reason says what the operator should know:
	// why it is not active, that an update waits, that one was rolled back.
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
	// Grants are what the operator has agreed to, one line each.
	Grants      []string  `json:"grants,omitempty"`
	Bytes       int64     `json:"bytes,omitempty"`
	InstalledAt time.Time `json:"installed_at,omitzero"`
}

// Health is the state of a server.
type Health struct {
	// Ready: requests can be served. Reasons say why not, or what is red
	// although they can.
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons,omitempty"`
	Version string   `json:"version"`
	// Uptime is in nanoseconds on the wire; zero without a server.
	Uptime time.Duration `json:"uptime_ns"`
}
