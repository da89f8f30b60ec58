package admin

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"
)

// KeyOperations are about the client keys that exist.
type KeyOperations interface {
	// ListKeys returns all client keys, sorted by id, without the keys
	// themselves: only their hashes are kept.
	ListKeys(ctx context.Context) ([]KeyView, error)
	// RevokeKey makes a client key worthless, at once and for ever; requests
	// that it began finish.
	RevokeKey(ctx context.Context, id string) error
}

// KeyView is what may be shown of a client key.
type KeyView struct {
	// ID is part of the key, and the name of the client in the log.
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

func (h handler) keyRoutes(e *echo.Echo) {
	e.GET("/v1/keys", h.listKeys)
	e.DELETE("/v1/keys", h.revokeKey)
}

func (h handler) listKeys(c echo.Context) error {
	views, err := h.ops.ListKeys(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, views)
}

func (h handler) revokeKey(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	if err := h.ops.RevokeKey(c.Request().Context(), id); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// ListKeys implements Operations.
func (c *Client) ListKeys(ctx context.Context) ([]KeyView, error) {
	return call[[]KeyView](ctx, c, http.MethodGet, "/v1/keys", nil)
}

// RevokeKey implements Operations.
func (c *Client) RevokeKey(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, http.MethodDelete, "/v1/keys?id="+url.QueryEscape(id), nil)
	return err
}
