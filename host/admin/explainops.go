package admin

import (
	"context"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/patchbay-dev/patchbay/host"
)

// ExplainOperations say how a credential is chosen.
type ExplainOperations interface {
	// Explain says which credential a request for a model would get now, and of
	// every other one why not. Without a provider it asks about those that list
	// the model. Nothing changes by it.
	Explain(ctx context.Context, req ExplainRequest) (Explanation, error)
}

// ExplainRequest says what is to be explained.
type ExplainRequest struct {
	Model string
	// Providers to ask about; none means those that list the model.
	Providers []string
	// Session is the one that the request would name; empty means none.
	Session string
}

// Explanation is the answer; Candidate is one credential in it.
type (
	Explanation = host.Explanation
	Candidate   = host.Candidate
)

func (h handler) explainRoutes(e *echo.Echo) { e.GET("/v1/explain", h.explain) }

func (h handler) explain(c echo.Context) error {
	q := c.QueryParams()
	x, err := h.ops.Explain(c.Request().Context(), ExplainRequest{Model: q.Get("model"), Providers: q["provider"], Session: q.Get("session")})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, x)
}

// Explain implements Operations.
func (c *Client) Explain(ctx context.Context, req ExplainRequest) (Explanation, error) {
	q := url.Values{"model": {req.Model}, "provider": req.Providers, "session": {req.Session}}
	return call[Explanation](ctx, c, http.MethodGet, "/v1/explain?"+q.Encode(), nil)
}
