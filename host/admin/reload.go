package admin

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"
)

// Reloaded is what a reload of the configuration did.
type Reloaded struct {
	// Changed names what is another than before, one thing each, such as
	// limits, or credential cfg-… added; empty when nothing is.
	Changed []string `json:"changed"`
	// NeedsRestart are settings that differ from those in force and that only a
	// start can change.
	NeedsRestart []string `json:"needs_restart,omitempty"`
	// Warnings are about what is allowed and unwise.
	Warnings []string `json:"warnings,omitempty"`
}

// ReloadConfig implements Operations.
func (c *Client) ReloadConfig(ctx context.Context) (Reloaded, error) {
	return call[Reloaded](ctx, c, http.MethodPost, "/v1/config/reload", nil)
}

func (h handler) reloadConfig(c echo.Context) error {
	report, err := h.ops.ReloadConfig(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, report)
}
