package admin

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

func (h handler) ready(c echo.Context) error {
	health, err := h.ops.Health(c.Request().Context())
	if err != nil {
		return err
	}
	if !health.Ready {
		return c.String(http.StatusServiceUnavailable, "not ready\n"+strings.Join(health.Reasons, "\n")+"\n")
	}
	return c.String(http.StatusOK, strings.Join(append([]string{"ready"}, health.Reasons...), "\n")+"\n")
}

func (h handler) health(c echo.Context) error {
	health, err := h.ops.Health(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, health)
}

// nameRequest is the body of a request about a new name.
type nameRequest struct {
	Name string `json:"name"`
}

func (h handler) createKey(c echo.Context) error {
	var req nameRequest
	if err := bind(c, maxBody, &req); err != nil {
		return err
	}
	key, err := h.ops.CreateKey(c.Request().Context(), req.Name)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, key)
}

func (h handler) addAuth(c echo.Context) error {
	var spec AuthSpec
	if err := bind(c, maxBody, &spec); err != nil {
		return err
	}
	view, err := h.ops.AddAuth(c.Request().Context(), spec)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, view)
}

func (h handler) listAuths(c echo.Context) error {
	views, err := h.ops.ListAuths(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, views)
}

func (h handler) removeAuth(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	if err := h.ops.RemoveAuth(c.Request().Context(), id); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (h handler) installPlugin(c echo.Context) error {
	var req InstallRequest
	if err := bind(c, maxInstall, &req); err != nil {
		return err
	}
	if len(req.Wasm) == 0 {
		return &Error{Code: CodeInvalid, Message: "the request holds no module"}
	}
	if len(req.Wasm) > MaxModule {
		return tooLargeModule(req.Path)
	}
	view, err := h.ops.InstallPlugin(c.Request().Context(), req)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, view)
}

func (h handler) listPlugins(c echo.Context) error {
	views, err := h.ops.ListPlugins(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, views)
}

func (h handler) removePlugin(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	if err := h.ops.RemovePlugin(c.Request().Context(), id); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// idOf reads the id from the query, where no character of it can be mistaken
// for a part of the path.
func idOf(c echo.Context) (string, error) {
	id := c.QueryParam("id")
	if id == "" {
		return "", &Error{Code: CodeInvalid, Message: "an id is needed"}
	}
	return id, nil
}

func tooLargeModule(path string) *Error {
	return &Error{Code: CodeInvalid, Message: fmt.Sprintf("%s is larger than a module may be (%d MiB)", path, MaxModule>>20)}
}
