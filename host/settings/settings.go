// Package settings holds plain configuration structs. It reads nothing and
// decides nothing: host/config fills it, everybody else reads it. Zero values
// are the safe ones; Default gives what ships.
package settings

import "time"

// Config is the configuration of a server.
type Config struct {
	// Listen is the address of the client API.
	Listen string `json:"listen" koanf:"listen"`
	// DataDir holds the store, the plugins, the socket and the caches.
	DataDir     string       `json:"data_dir" koanf:"data_dir"`
	Admin       Admin        `json:"admin" koanf:"admin"`
	Log         Log          `json:"log" koanf:"log"`
	Limits      Limits       `json:"limits" koanf:"limits"`
	Retry       Retry        `json:"retry" koanf:"retry"`
	Cooldown    Cooldown     `json:"cooldown" koanf:"cooldown"`
	Refresh     Refresh      `json:"refresh" koanf:"refresh"`
	Routing     Routing      `json:"routing" koanf:"routing"`
	Plugins     Plugins      `json:"plugins" koanf:"plugins"`
	Credentials []Credential `json:"credentials,omitempty" koanf:"credentials"`
	// OAuthModelAlias gives models of OAuth accounts other names, by channel,
	// which is the provider.
	OAuthModelAlias map[string][]OAuthModelAlias `json:"oauth_model_alias,omitempty" koanf:"oauth_model_alias"`
	// Providers holds what is set for all credentials of a provider, by its key.
	Providers map[string]Provider `json:"providers,omitempty" koanf:"providers"`
	// Warnings are what host/config found unwise, for the log.
	Warnings []string `json:"-" koanf:"-"`
}

// Admin says where the server can be watched, beside the socket in the data
// directory.
type Admin struct {
	// Listen is a loopback address that serves /metrics, /healthz and /readyz;
	// empty means none.
	Listen string `json:"listen" koanf:"listen"`
}

// Log says how to log.
type Log struct {
	// Level is debug, info, warn or error.
	Level string `json:"level" koanf:"level"`
	// Format is json or text.
	Format string `json:"format" koanf:"format"`
}

// Limits bound what a client may ask for.
type Limits struct {
	// BodyBytes is the largest request body.
	BodyBytes int64 `json:"body_bytes" koanf:"body_bytes"`
	// IdleTimeout ends an upstream stream that is silent for so long.
	IdleTimeout time.Duration `json:"idle_timeout" koanf:"idle_timeout"`
	// RequestTimeout bounds a request without a stream; 0 means none.
	RequestTimeout time.Duration `json:"request_timeout" koanf:"request_timeout"`
	// ShutdownGrace is how long running requests may take at the end.
	ShutdownGrace time.Duration `json:"shutdown_grace" koanf:"shutdown_grace"`
	// PassthroughErrors gives clients what a provider says when it refuses the
	// operator's credential (401, 402, 403), instead of 503.
	PassthroughErrors bool `json:"passthrough_errors" koanf:"passthrough_errors"`
}

// Retry bounds how a request is tried again.
type Retry struct {
	// Rounds is how many further rounds a request may have.
	Rounds int `json:"rounds" koanf:"rounds"`
	// MaxInterval is the longest wait between rounds.
	MaxInterval time.Duration `json:"max_interval" koanf:"max_interval"`
	// MaxCredentials bounds the credentials tried in a round; 0 means all.
	MaxCredentials int `json:"max_credentials" koanf:"max_credentials"`
	// BudgetPercent is how many calls beyond the first of their request the
	// whole process may make for every hundred requests; 0 means any number.
	BudgetPercent int `json:"budget_percent" koanf:"budget_percent"`
	// BudgetBurst is how many such calls may be saved up.
	BudgetBurst int `json:"budget_burst" koanf:"budget_burst"`
	// Statuses are the HTTP statuses that may be different in another round; 0 is
	// the lack of an answer. Empty means DefaultRetryStatuses.
	Statuses []int `json:"statuses,omitempty" koanf:"statuses"`
}

// DefaultRetryStatuses returns the statuses for which another round begins as it
// ships. 403 is not among them: it blocks for longer than any wait.
func DefaultRetryStatuses() []int { return []int{0, 408, 429, 500, 502, 503, 504, 529} }

// Provider is what is set for all credentials of a provider.
type Provider struct {
	// DisableCooling is the provider's word on cooling, which counts for more than
	// Cooldown.Disabled and less than a credential's own; nil means none.
	DisableCooling *bool `json:"disable_cooling,omitempty" koanf:"disable_cooling"`
	// RequestScopedErrors say what errors of the provider mean; the first that fits
	// counts.
	RequestScopedErrors []ErrorRule `json:"request_scoped_errors,omitempty" koanf:"request_scoped_errors"`
}

// ErrorRule is the operator's word on what an error of a provider means.
type ErrorRule struct {
	// Status is the HTTP status that the error counts as; 0 is the lack of an answer.
	Status int `json:"status" koanf:"status"`
	// Match are texts, case aside, and MatchRegex regular expressions, of which one
	// has to be found in the error's body. Without any, the status decides.
	Match      []string `json:"match,omitempty" koanf:"match"`
	MatchRegex []string `json:"match_regex,omitempty" koanf:"match_regex"`
	// Action is one of the Error constants.
	Action string `json:"action" koanf:"action"`
}

// The values of ErrorRule.Action: end the request with the error, or try the next
// credential; and hold nothing against this one, or keep it away for a minute at
// least, even where cooling is switched off.
const (
	ErrorStop                = "stop"
	ErrorStopAndCooldown     = "stop-and-cooldown"
	ErrorContinue            = "continue"
	ErrorContinueAndCooldown = "continue-and-cooldown"
)

// Cooldown sets how long failures keep a credential away.
type Cooldown struct {
	// Disabled switches cooling off.
	Disabled bool `json:"disabled" koanf:"disabled"`
	// SkipPersist keeps cooldowns in memory only, so that a restart forgets them.
	SkipPersist bool `json:"skip_persist" koanf:"skip_persist"`
	// LadderBase and LadderCap shape the wait after a 429 without a hint.
	LadderBase time.Duration `json:"ladder_base" koanf:"ladder_base"`
	LadderCap  time.Duration `json:"ladder_cap" koanf:"ladder_cap"`
	// HintCap is the longest hint that is honoured; 0 means no cap.
	HintCap time.Duration `json:"hint_cap" koanf:"hint_cap"`
	// Unauthorized blocks after 401, Forbidden after 402 and 403.
	Unauthorized time.Duration `json:"unauthorized" koanf:"unauthorized"`
	Forbidden    time.Duration `json:"forbidden" koanf:"forbidden"`
	// ModelNotFound blocks a model that the provider does not know or support.
	ModelNotFound time.Duration `json:"model_not_found" koanf:"model_not_found"`
	// NotFound blocks after a 404 that does not name the model.
	NotFound time.Duration `json:"not_found" koanf:"not_found"`
	// Transient blocks after 408, 5xx and unknown statuses.
	Transient time.Duration `json:"transient" koanf:"transient"`
	// ProbeAfter: a longer block ends in a single request that must succeed
	// before there are others; 0 means that none does.
	ProbeAfter time.Duration `json:"probe_after" koanf:"probe_after"`
	// ProbeCap bounds the wait that doubles with every such request that fails.
	ProbeCap time.Duration `json:"probe_cap" koanf:"probe_cap"`
	// ProbeInterval is the least time between two such requests of one model.
	ProbeInterval time.Duration `json:"probe_interval" koanf:"probe_interval"`
	// QuotaGroupScope says what a 429 cools in the other members of its
	// quota_group: the same model (QuotaGroupModel, also when empty) or every
	// model (QuotaGroupCredential).
	QuotaGroupScope string `json:"quota_group_scope" koanf:"quota_group_scope"`
	// HostFailures is how many credentials have to get no answer at all from one
	// upstream host, within HostWindow, for requests to keep away from it for
	// HostPause; 0 means that they never do.
	HostFailures int           `json:"host_failures" koanf:"host_failures"`
	HostWindow   time.Duration `json:"host_window" koanf:"host_window"`
	HostPause    time.Duration `json:"host_pause" koanf:"host_pause"`
}

// The values of Cooldown.QuotaGroupScope.
const (
	QuotaGroupModel      = "model"
	QuotaGroupCredential = "credential"
)

// Routing says how credentials are chosen.
type Routing struct {
	// Strategy is round_robin, fill_first or weighted.
	Strategy string `json:"strategy" koanf:"strategy"`
	// ForceModelPrefix serves the models of a credential with a prefix under
	// that only.
	ForceModelPrefix bool `json:"force_model_prefix" koanf:"force_model_prefix"`
	// SessionAffinity lets the requests of one session, which names itself, keep to
	// one credential for as long as that can be used.
	SessionAffinity bool `json:"session_affinity" koanf:"session_affinity"`
	// SessionAffinityTTL is how long a session is remembered after its last request.
	SessionAffinityTTL time.Duration `json:"session_affinity_ttl" koanf:"session_affinity_ttl"`
}

// DefaultSessionAffinityTTL is how long a session is remembered as it ships.
const DefaultSessionAffinityTTL = time.Hour

// Plugins bounds what plugins may use.
type Plugins struct {
	// Instances is the pool size of a plugin; 0 means twice the processors, at
	// least four.
	Instances int `json:"instances" koanf:"instances"`
	// MemoryBytes is the memory limit of an instance.
	MemoryBytes int64 `json:"memory_bytes" koanf:"memory_bytes"`
	// CallTimeout is how long one call may run.
	CallTimeout time.Duration `json:"call_timeout" koanf:"call_timeout"`
	// QueueTimeout is how long a call waits for an instance.
	QueueTimeout time.Duration `json:"queue_timeout" koanf:"queue_timeout"`
	// QueueLength is how many calls of a plugin may wait for an instance at a
	// time.
	QueueLength int `json:"queue_length" koanf:"queue_length"`
	// Quarantine says when a plugin that faults gets no more calls.
	Quarantine Quarantine `json:"quarantine" koanf:"quarantine"`
	// Order names plugins, by id: those that intercept requests or check new
	// credentials do so in this order, and the others after them, by id.
	Order []string `json:"order,omitempty" koanf:"order"`
	// Config holds each plugin's own configuration, by plugin id.
	Config map[string]map[string]any `json:"config,omitempty" koanf:"config"`
}

// Quarantine says when a plugin that faults gets no more calls for a while.
type Quarantine struct {
	// Faults within Window put a plugin into quarantine; 0 means never.
	Faults int           `json:"faults" koanf:"faults"`
	Window time.Duration `json:"window" koanf:"window"`
	// Backoff is how long the first quarantine lasts. Each one that follows
	// lasts twice as long, up to BackoffMax.
	Backoff    time.Duration `json:"backoff" koanf:"backoff"`
	BackoffMax time.Duration `json:"backoff_max" koanf:"backoff_max"`
}

// Credential is a credential declared in the configuration file.
type Credential struct {
	Provider string `json:"provider" koanf:"provider"`
	Label    string `json:"label" koanf:"label"`
	// Set holds public and destination fields.
	Set map[string]string `json:"set,omitempty" koanf:"set"`
	// Secrets holds secret fields, with ${env:NAME} resolved.
	Secrets map[string]string `json:"secrets,omitempty" koanf:"secrets"`
	// Models the credential serves; empty means what the provider lists.
	Models []string `json:"models,omitempty" koanf:"models"`
	Prefix string   `json:"prefix,omitempty" koanf:"prefix"`
	// Aliases are other names for its models.
	Aliases []OAuthModelAlias `json:"aliases,omitempty" koanf:"aliases"`
	// Priority: higher is preferred.
	Priority int `json:"priority,omitempty" koanf:"priority"`
	// Weight is its share among those of its priority, for the strategy weighted;
	// 0 means 1.
	Weight int `json:"weight,omitempty" koanf:"weight"`
	// MaxInFlight is how many requests it may serve at a time; 0 means any number.
	MaxInFlight int `json:"max_in_flight,omitempty" koanf:"max_in_flight"`
	// Group is the account that it is one of several credentials of: accounts take
	// turns, and then the credentials of each. Empty means none.
	Group string `json:"group,omitempty" koanf:"group"`
	// QuotaGroup names the credentials that share a quota; empty means none.
	QuotaGroup string `json:"quota_group,omitempty" koanf:"quota_group"`
	// DisableCooling, RequestRetry and RefreshDisabled are its own words on what is
	// otherwise set for all: whether cooling is off, how many further rounds of a
	// request it takes part in, and whether its tokens are renewed while it is
	// disabled. Nil means none.
	DisableCooling  *bool `json:"disable_cooling,omitempty" koanf:"disable_cooling"`
	RequestRetry    *int  `json:"request_retry,omitempty" koanf:"request_retry"`
	RefreshDisabled *bool `json:"refresh_disabled,omitempty" koanf:"refresh_disabled"`
	// AllowPrivate lets this credential reach private addresses by name.
	AllowPrivate bool   `json:"allow_private,omitempty" koanf:"allow_private"`
	ProxyURL     string `json:"proxy_url,omitempty" koanf:"proxy_url"`
	Disabled     bool   `json:"disabled,omitempty" koanf:"disabled"`
	// Source is FILE:LINE of the declaration; set by host/config.
	Source string `json:"-" koanf:"-"`
}

// Default returns what ships.
func Default() Config {
	return Config{
		Listen:  "127.0.0.1:8484",
		DataDir: "./data",
		Log:     Log{Level: "info", Format: "json"},
		Limits: Limits{
			BodyBytes:     32 << 20,
			IdleTimeout:   5 * time.Minute,
			ShutdownGrace: 30 * time.Second,
		},
		Retry:    Retry{Rounds: 3, MaxInterval: 30 * time.Second, BudgetPercent: 20, BudgetBurst: 100, Statuses: DefaultRetryStatuses()},
		Cooldown: DefaultCooldown(),
		Refresh:  DefaultRefresh(),
		Routing:  Routing{Strategy: "round_robin", SessionAffinityTTL: DefaultSessionAffinityTTL},
		Plugins: Plugins{
			MemoryBytes:  64 << 20,
			CallTimeout:  2 * time.Second,
			QueueTimeout: 5 * time.Second,
			QueueLength:  4096,
			Quarantine:   Quarantine{Faults: 5, Window: 10 * time.Second, Backoff: 5 * time.Second, BackoffMax: 10 * time.Minute},
		},
	}
}

// DefaultCooldown returns the cooldowns that ship (core-decisions.md 2).
func DefaultCooldown() Cooldown {
	return Cooldown{
		LadderBase:    time.Second,
		LadderCap:     30 * time.Minute,
		HintCap:       time.Hour,
		Unauthorized:  30 * time.Minute,
		Forbidden:     30 * time.Minute,
		ModelNotFound: 12 * time.Hour,
		NotFound:      5 * time.Minute,
		Transient:     time.Minute,
		ProbeAfter:    5 * time.Minute,
		ProbeCap:      6 * time.Hour,
		ProbeInterval: time.Second,

		QuotaGroupScope: QuotaGroupModel,

		HostFailures: 3,
		HostWindow:   10 * time.Second,
		HostPause:    5 * time.Second,
	}
}
