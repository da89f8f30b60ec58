package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// StatusOperations show how a server does.
type StatusOperations interface {
	// Status returns all that an operator looks at first. Without a server it
	// says so, and what is stored.
	Status(ctx context.Context) (Status, error)
}

// Status is the state of a server at one moment.
type Status struct {
	Health
	// Running: a server answered. Without one, the rest is what is stored.
	Running   bool      `json:"running"`
	StartedAt time.Time `json:"started_at,omitzero"`
	// Keys is the number of client keys.
	Keys int `json:"keys"`
	// StreamsOpen is how many answers are being streamed.
	StreamsOpen int `json:"streams_open"`
	// States counts the credentials by AuthView.State; a state that none is in
	// is absent.
	States      map[string]int `json:"states"`
	Credentials []AuthStatus   `json:"credentials"`
	Plugins     []PluginStatus `json:"plugins"`
	// LastErrors are the newest failures of attempts, the newest first.
	LastErrors []Failure `json:"last_errors"`
}

// AuthStatus is a credential in Status.
type AuthStatus struct {
	ID       string `json:"id"`
	Provider string `json:"provider"`
	Label    string `json:"label,omitempty"`
	State    string `json:"state"`
	Reason   string `json:"reason,omitempty"`
	// Until is when all of it may be tried again; zero when nothing is known,
	// or nothing waits.
	Until     time.Time  `json:"until,omitzero"`
	Cooldowns []Cooldown `json:"cooldowns,omitempty"`
}

// PluginStatus is a plugin in Status.
type PluginStatus struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	// Status is that of PluginView.
	Status    string   `json:"status"`
	Providers []string `json:"providers,omitempty"`
	// Instances that exist, and those that a call has now.
	Instances int `json:"instances"`
	Leased    int `json:"leased"`
	// MemoryBytes of all instances together.
	MemoryBytes int64  `json:"memory_bytes"`
	Calls       uint64 `json:"calls"`
	// Faults by kind since the version began to serve.
	Faults map[string]uint64 `json:"faults,omitempty"`
}

// Failure is an attempt that failed.
type Failure struct {
	Time time.Time `json:"time"`
	// Auth is the credential's id.
	Auth     string `json:"auth"`
	Provider string `json:"provider"`
	Model    string `json:"model,omitempty"`
	// Status is the HTTP status; 0 when no answer came.
	Status int    `json:"status,omitempty"`
	Code   string `json:"code,omitempty"`
	// Message is short and scrubbed of secrets.
	Message string `json:"message,omitempty"`
}

func (h handler) statusRoutes(e *echo.Echo) { e.GET("/v1/status", h.status) }

func (h handler) status(c echo.Context) error {
	s, err := h.ops.Status(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s)
}

// Status implements Operations.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return call[Status](ctx, c, http.MethodGet, "/v1/status", nil)
}
