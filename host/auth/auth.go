// Package auth is the domain of the core: a credential (Auth), its states, the
// outcome of an attempt (Result), the errors, and every interface that the
// manager consumes. It holds no decisions and no state of its own.
package auth

import "time"

// Status is the lifecycle state of an Auth.
type Status string

// The statuses. The manager writes active, error, disabled and refreshing;
// the others come from stores and login flows.
const (
	// StatusUnknown means the state could not be determined.
	StatusUnknown Status = "unknown"
	// StatusActive means valid and ready.
	StatusActive Status = "active"
	// StatusPending means waiting for an external action, such as MFA.
	StatusPending Status = "pending"
	// StatusRefreshing means that a refresh is under way.
	StatusRefreshing Status = "refreshing"
	// StatusError means temporarily unavailable because of errors.
	StatusError Status = "error"
	// StatusDisabled means switched off on purpose.
	StatusDisabled Status = "disabled"
)

// TokenStorage saves tokens to a file of a login flow's own. Nothing in the
// core calls it; the field Auth.Storage is kept for Go login code.
type TokenStorage interface {
	SaveTokenToFile(path string) error
}

// Auth is one credential: what identifies it, what is needed to use it, and
// what is known of its health. spec: core.md 1.1.
//
// An Auth is a plain value. The manager clones on the way in and out, so no
// two owners ever share one; whoever holds an Auth from List or GetByID may
// change it. Attributes and Metadata hold raw secrets: an Auth is never
// logged, and marshalled to JSON only by a store.
type Auth struct {
	// ID uniquely identifies the record across restarts. Register makes a
	// UUIDv4 when it is empty.
	ID string `json:"id"`
	// Index is a stable runtime identifier, see EnsureIndex. Not persisted.
	Index string `json:"-"`
	// Provider is the upstream provider key, such as "gemini".
	Provider string `json:"provider"`
	// Prefix optionally namespaces models ("teamA" serves teamA/model).
	Prefix string `json:"prefix,omitempty"`
	// FileName is the path of the backing file, if there is one.
	FileName string `json:"-"`
	// Storage is used by Go login code only.
	Storage TokenStorage `json:"-"`
	// Label is for people.
	Label         string `json:"label,omitempty"`
	Status        Status `json:"status"`
	StatusMessage string `json:"status_message,omitempty"`
	// Disabled is the operator's switch.
	Disabled bool `json:"disabled"`
	// Unavailable is transient: every model of this credential is blocked.
	Unavailable bool `json:"unavailable"`
	// ProxyURL overrides the global proxy for this credential.
	ProxyURL string `json:"proxy_url,omitempty"`
	// Attributes are configuration that the operator set; see keys.go.
	Attributes map[string]string `json:"attributes,omitempty"`
	// Metadata is mutable provider state, such as tokens.
	Metadata map[string]any `json:"metadata,omitempty"`
	// Quota aggregates the quota states of the models.
	Quota     QuotaState `json:"quota"`
	LastError *Error     `json:"last_error,omitempty"`
	// Times are UTC; zero means never or none.
	CreatedAt        time.Time `json:"created_at"`
	UpdatedAt        time.Time `json:"updated_at"`
	LastRefreshedAt  time.Time `json:"last_refreshed_at"`
	NextRefreshAfter time.Time `json:"next_refresh_after"`
	NextRetryAfter   time.Time `json:"next_retry_after"`
	// ModelStates holds what is known by model; a model without history has no
	// entry.
	ModelStates map[string]*ModelState `json:"model_states,omitempty"`
	// Runtime is for Go executors: in memory only, shared by clones.
	Runtime any `json:"-"`
}

// ModelState is what is known of one model under one credential.
type ModelState struct {
	Status        Status `json:"status"`
	StatusMessage string `json:"status_message,omitempty"`
	Unavailable   bool   `json:"unavailable"`
	// NextRetryAfter is when the model may be tried again; zero means now.
	NextRetryAfter time.Time  `json:"next_retry_after"`
	LastError      *Error     `json:"last_error,omitempty"`
	Quota          QuotaState `json:"quota"`
	UpdatedAt      time.Time  `json:"updated_at"`
	// Source says on whose word NextRetryAfter is what it is; empty without a
	// block, and in records from before it was kept.
	Source Source `json:"source,omitempty"`
	// ProbeWait is how long the last block was, if it ends in a probe: a single
	// request that must succeed before there are others. Zero means that
	// everybody may come back at once.
	ProbeWait time.Duration `json:"probe_wait,omitempty"`
}

// HalfOpen reports whether the state's block is over and the probe that it ends
// in has not succeeded yet.
func (m *ModelState) HalfOpen(now time.Time) bool {
	return m != nil && m.ProbeWait > 0 && m.Status != StatusDisabled && !(m.Unavailable && m.NextRetryAfter.After(now))
}

// QuotaState is limiter data of a credential or of one of its models.
type QuotaState struct {
	// Exceeded says that a quota error was the last word.
	Exceeded bool   `json:"exceeded"`
	Reason   string `json:"reason,omitempty"`
	// NextRecoverAt is when it may be available again.
	NextRecoverAt time.Time `json:"next_recover_at"`
	// BackoffLevel is the exponent of the ladder, 0 to 11.
	BackoffLevel int `json:"backoff_level,omitempty"`
}

// Error is a failure in a form that no provider owns.
type Error struct {
	// Code is short and machine-readable; see errors.go for the core's own.
	Code string `json:"code,omitempty"`
	// Message is for people and holds no secret.
	Message string `json:"message"`
	// Retryable says that a retry might help.
	Retryable bool `json:"retryable"`
	// HTTPStatus is the upstream's or the equivalent; 0 when there is none.
	HTTPStatus int `json:"http_status,omitempty"`
}

// Result is the outcome of one attempt.
type Result struct {
	AuthID   string
	Provider string
	// Model is the name that the state is kept under (core.md 2.4).
	Model   string
	Success bool
	// RetryAfter is the provider's hint; nil means none.
	RetryAfter *time.Duration
	// HintSource says where RetryAfter comes from; empty means unknown.
	HintSource Source
	// Error is nil on success.
	Error *Error
	// Started is when the attempt began; zero means unknown. A success older
	// than a block does not lift it.
	Started time.Time
	// CredentialScope says that the failure is about every model.
	CredentialScope bool
}
