package admin

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"
)

// AuthOperations look at one credential and change it. What they change is
// durable and in effect before they return; requests that run are not
// disturbed. An unknown id is CodeNotFound.
type AuthOperations interface {
	// ShowAuth returns what may be shown of a credential.
	ShowAuth(ctx context.Context, id string) (AuthDetail, error)
	// ChangeAuth changes what change says and nothing else. Changes of one
	// credential follow each other, so that none is lost. For a credential from
	// the configuration file it fails with CodeFromConfig and names the file
	// and the line.
	ChangeAuth(ctx context.Context, change AuthChange) (AuthView, error)
	// ResetCooldown forgets what is held against a model of the credential,
	// or, when model is empty, against all of it.
	ResetCooldown(ctx context.Context, id, model string) (ResetResult, error)
	// RefreshAuth gets new tokens for the credential now. A provider that
	// cannot fails with CodeUnsupported.
	RefreshAuth(ctx context.Context, id string) (AuthView, error)
}

// The states of AuthView.State.
const (
	// StateReady: it can be picked for every model that it serves.
	StateReady = "ready"
	// StateCooling: some of its models wait.
	StateCooling = "cooling"
	// StateBlocked: all of it waits.
	StateBlocked = "blocked"
	// StateNoModels: it serves no model, so that nothing picks it.
	StateNoModels = "no_models"
	// StateNeedsLogin: only a login makes it work again.
	StateNeedsLogin = "needs_login"
	// StateDisabled: the operator switched it off.
	StateDisabled = "disabled"
)

// States are all values of AuthView.State, the good ones first.
var States = []string{StateReady, StateCooling, StateBlocked, StateNoModels, StateNeedsLogin, StateDisabled}

// Cooldown is a block of a credential or of one of its models.
type Cooldown struct {
	// Model is empty when the whole credential waits.
	Model string    `json:"model,omitempty"`
	Until time.Time `json:"until"`
	// Status is the HTTP status that caused it; 0 when there was none.
	Status int    `json:"status,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Quota: it waits for a quota, which the provider says returns at ResetsAt
	// (zero: it did not say).
	Quota    bool      `json:"quota,omitempty"`
	ResetsAt time.Time `json:"resets_at,omitzero"`
}

// AuthDetail is an AuthView and what only matters of a single credential.
type AuthDetail struct {
	AuthView
	// Cooldowns that hold now: that of the whole first, then by model.
	Cooldowns []Cooldown `json:"cooldowns,omitempty"`
	CreatedAt time.Time  `json:"created_at,omitzero"`
	UpdatedAt time.Time  `json:"updated_at,omitzero"`
	// RefreshedAt is when its tokens were last renewed, ExpiresAt when they
	// end; zero when that is unknown.
	RefreshedAt time.Time `json:"refreshed_at,omitzero"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	// ImportedFrom names the file that auth import read it from.
	ImportedFrom string `json:"imported_from,omitempty"`
}

// AuthChange says what to change of a credential; nil and empty mean: nothing.
type AuthChange struct {
	ID string `json:"id"`
	// Disabled switches it off or on. Switching on forgets its cooldowns.
	Disabled *bool `json:"disabled,omitempty"`
	// Set holds public and destination fields, Secrets secret ones. A new value
	// of either forgets the cooldowns, which belong to the old one.
	Set     map[string]string `json:"set,omitempty"`
	Secrets map[string]string `json:"secrets,omitempty"`
	// Unset names fields, secret or not, that are to have no value.
	Unset []string `json:"unset,omitempty"`
	Label *string  `json:"label,omitempty"`
	// Prefix is where its models are served too, as PREFIX/model; empty for
	// nowhere else.
	Prefix   *string `json:"prefix,omitempty"`
	Priority *int    `json:"priority,omitempty"`
	// Weight of 1 and MaxInFlight of 0 are as if nothing had been set; so is an
	// empty Group or QuotaGroup.
	Weight      *int    `json:"weight,omitempty"`
	MaxInFlight *int    `json:"max_in_flight,omitempty"`
	Group       *string `json:"group,omitempty"`
	QuotaGroup  *string `json:"quota_group,omitempty"`
	// Models it serves; an empty list means what the provider lists.
	Models       *[]string `json:"models,omitempty"`
	AllowPrivate *bool     `json:"allow_private,omitempty"`
	// Own are its own words, as in AuthSpec; one that is empty is taken back.
	Own map[string]string `json:"own,omitempty"`
	// ProxyURL may hold a password; empty for no proxy of its own.
	ProxyURL *string `json:"proxy_url,omitempty"`
}

// ResetResult says what came of ResetCooldown.
type ResetResult struct {
	// Reset: something was held against it, and is not any more.
	Reset bool     `json:"reset"`
	Auth  AuthView `json:"auth"`
}

// resetRequest is the body of POST /v1/auths/reset-cooldown.
type resetRequest struct {
	ID    string `json:"id"`
	Model string `json:"model,omitempty"`
}

// idRequest is the body of a request about one id.
type idRequest struct {
	ID string `json:"id"`
}

func (h handler) authRoutes(e *echo.Echo) {
	e.GET("/v1/auths/one", h.showAuth)
	e.PATCH("/v1/auths", h.changeAuth)
	e.POST("/v1/auths/reset-cooldown", h.resetCooldown)
	e.POST("/v1/auths/refresh", h.refreshAuth)
}

func (h handler) showAuth(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	detail, err := h.ops.ShowAuth(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, detail)
}

func (h handler) changeAuth(c echo.Context) error {
	var change AuthChange
	if err := bind(c, maxBody, &change); err != nil {
		return err
	}
	view, err := h.ops.ChangeAuth(c.Request().Context(), change)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, view)
}

func (h handler) resetCooldown(c echo.Context) error {
	var req resetRequest
	if err := bind(c, maxBody, &req); err != nil {
		return err
	}
	result, err := h.ops.ResetCooldown(c.Request().Context(), req.ID, req.Model)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, result)
}

func (h handler) refreshAuth(c echo.Context) error {
	var req idRequest
	if err := bind(c, maxBody, &req); err != nil {
		return err
	}
	view, err := h.ops.RefreshAuth(c.Request().Context(), req.ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, view)
}

// ShowAuth implements Operations.
func (c *Client) ShowAuth(ctx context.Context, id string) (AuthDetail, error) {
	return call[AuthDetail](ctx, c, http.MethodGet, "/v1/auths/one?id="+url.QueryEscape(id), nil)
}

// ChangeAuth implements Operations.
func (c *Client) ChangeAuth(ctx context.Context, change AuthChange) (AuthView, error) {
	return call[AuthView](ctx, c, http.MethodPatch, "/v1/auths", change)
}

// ResetCooldown implements Operations.
func (c *Client) ResetCooldown(ctx context.Context, id, model string) (ResetResult, error) {
	return call[ResetResult](ctx, c, http.MethodPost, "/v1/auths/reset-cooldown", resetRequest{ID: id, Model: model})
}

// RefreshAuth implements Operations.
func (c *Client) RefreshAuth(ctx context.Context, id string) (AuthView, error) {
	return call[AuthView](ctx, c, http.MethodPost, "/v1/auths/refresh", idRequest{ID: id})
}
