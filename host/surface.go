package host

import (
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/models"
	"github.com/patchbay-dev/patchbay/host/refresh"
	"github.com/patchbay-dev/patchbay/host/selector"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// The public names of the core in one place, so that a Go program that embeds
// it imports one package.
type (
	Auth         = auth.Auth
	ModelState   = auth.ModelState
	QuotaState   = auth.QuotaState
	Status       = auth.Status
	Error        = auth.Error
	Result       = auth.Result
	RequestInfo  = auth.RequestInfo
	TokenStorage = auth.TokenStorage

	Store                  = auth.Store
	Hook                   = auth.Hook
	NoopHook               = auth.NoopHook
	PostAuthHook           = auth.PostAuthHook
	Selector               = auth.Selector
	RoundRobinSelector     = selector.RoundRobinSelector
	FillFirstSelector      = selector.FillFirstSelector
	WeightedSelector       = selector.WeightedSelector
	ProviderExecutor       = auth.ProviderExecutor
	StreamOpener           = auth.StreamOpener
	ExecutionSessionCloser = auth.ExecutionSessionCloser
	RequestPreparer        = auth.RequestPreparer
	RefreshEvaluator       = auth.RefreshEvaluator
	RefreshStore           = auth.RefreshStore
	RoundTripperProvider   = auth.RoundTripperProvider

	// CooldownError says that every credential for a model waits for a quota.
	CooldownError = auth.CooldownError
	// ModelInfo describes a model that a credential serves.
	ModelInfo = models.Info

	// Config is what a manager reads of the configuration, see SetConfig.
	Config            = settings.Config
	OAuthModelAlias   = settings.OAuthModelAlias
	APIKeyConfigEntry = settings.APIKeyConfigEntry

	Request = executor.Request
	// ExecuteOptions are the options of a request; Options are the manager's.
	ExecuteOptions = executor.Options
	Response       = executor.Response
	Stream         = executor.Stream
	StreamChunk    = executor.StreamChunk
	StreamResult   = executor.StreamResult
)

// The statuses of a credential.
const (
	StatusUnknown    = auth.StatusUnknown
	StatusActive     = auth.StatusActive
	StatusPending    = auth.StatusPending
	StatusRefreshing = auth.StatusRefreshing
	StatusError      = auth.StatusError
	StatusDisabled   = auth.StatusDisabled
)

// CloseAllExecutionSessionsID asks an executor to release all its sessions.
const CloseAllExecutionSessionsID = executor.CloseAllExecutionSessionsID

// OAuthModelAliasChannel names the channel of aliases of a provider's OAuth
// accounts.
var OAuthModelAliasChannel = models.OAuthModelAliasChannel

// How long before expiry tokens are refreshed, for the whole process.
var (
	ProviderRefreshLead         = refresh.ProviderRefreshLead
	RegisterRefreshLeadProvider = refresh.RegisterRefreshLeadProvider
)

// SetQuotaCooldownDisabled switches cooling off for every manager of the
// process, where neither a credential nor a configuration says otherwise.
var SetQuotaCooldownDisabled = cooldown.SetQuotaCooldownDisabled

// What travels with a context.
var (
	WithRequestInfo = auth.WithRequestInfo
	GetRequestInfo  = auth.GetRequestInfo
	WithSkipPersist = auth.WithSkipPersist
)
