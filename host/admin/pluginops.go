package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"
)

// PluginOperations look at what a plugin was granted, and change it.
type PluginOperations interface {
	// ShowPlugin returns all that is known of an installed plugin.
	ShowPlugin(ctx context.Context, id string) (PluginDetail, error)
	// GrantPlugin lets an update that waits for a grant take over. While
	// something is not agreed to, it fails with CodeConsent, names it, and
	// changes nothing.
	GrantPlugin(ctx context.Context, req GrantRequest) (PluginView, error)
	// EnablePlugin ends a plugin's quarantine, and forgets that a version was
	// rolled back.
	EnablePlugin(ctx context.Context, id string) (PluginView, error)
}

// PluginDetail is an installed plugin with what it asked for.
type PluginDetail struct {
	PluginView
	// Manifest as it was when it was installed.
	Manifest json.RawMessage `json:"manifest"`
	// Pending is the update that waits for a grant, if there is one.
	Pending *PluginOffer `json:"pending,omitempty"`
}

// PluginOffer is an update that waits for a grant.
type PluginOffer struct {
	Version  string          `json:"version"`
	SHA256   string          `json:"sha256"`
	Manifest json.RawMessage `json:"manifest"`
	// New is what it asks for beyond what was granted, one line each, and Named
	// what of that has to be granted by name.
	New   []string `json:"new,omitempty"`
	Named []string `json:"named,omitempty"`
}

// GrantRequest agrees to what an update asks for.
type GrantRequest struct {
	ID string `json:"id"`
	// SHA256 of the update that was looked at; empty means whichever waits.
	SHA256 string `json:"sha256,omitempty"`
	// Yes grants everything but what has to be named, Grants what is named.
	Yes    bool     `json:"yes,omitempty"`
	Grants []string `json:"grants,omitempty"`
}

func (h handler) pluginRoutes(e *echo.Echo) {
	e.GET("/v1/plugins/show", h.showPlugin)
	e.POST("/v1/plugins/grant", h.grantPlugin)
	e.POST("/v1/plugins/enable", h.enablePlugin)
}

func (h handler) showPlugin(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	detail, err := h.ops.ShowPlugin(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, detail)
}

func (h handler) grantPlugin(c echo.Context) error {
	var req GrantRequest
	if err := bind(c, maxBody, &req); err != nil {
		return err
	}
	view, err := h.ops.GrantPlugin(c.Request().Context(), req)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, view)
}

func (h handler) enablePlugin(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	view, err := h.ops.EnablePlugin(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, view)
}

// ShowPlugin implements Operations.
func (c *Client) ShowPlugin(ctx context.Context, id string) (PluginDetail, error) {
	return call[PluginDetail](ctx, c, http.MethodGet, "/v1/plugins/show?id="+url.QueryEscape(id), nil)
}

// GrantPlugin implements Operations.
func (c *Client) GrantPlugin(ctx context.Context, req GrantRequest) (PluginView, error) {
	return call[PluginView](ctx, c, http.MethodPost, "/v1/plugins/grant", req)
}

// EnablePlugin implements Operations.
func (c *Client) EnablePlugin(ctx context.Context, id string) (PluginView, error) {
	return call[PluginView](ctx, c, http.MethodPost, "/v1/plugins/enable?id="+url.QueryEscape(id), nil)
}
