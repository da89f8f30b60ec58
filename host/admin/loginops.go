package admin

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"
)

// LoginOperations make a credential step by step, with a person's help. A login
// is known by its id to whoever started it. Errors with CodeInvalid and
// CodeConflict leave a login as it is; after any other it is over, and so it is
// without the server that it was started on.
type LoginOperations interface {
	// LoginInfo says what a login at a provider will need. A provider without
	// one fails with CodeUnsupported.
	LoginInfo(ctx context.Context, provider string) (LoginInfo, error)
	// StartLogin begins a login.
	StartLogin(ctx context.Context, spec LoginSpec) (LoginState, error)
	// ContinueLogin answers what a login asks. A credential that it ends with is
	// durable before ContinueLogin returns.
	ContinueLogin(ctx context.Context, answer LoginAnswer) (LoginState, error)
	// CancelLogin ends a login. An unknown id is no error.
	CancelLogin(ctx context.Context, id string) error
}

// LoginInfo is what a login at a provider needs.
type LoginInfo struct {
	Provider string `json:"provider"`
	// Redirect is where the provider's login page sends the browser back to, an
	// address of this machine; empty means any.
	Redirect string `json:"redirect,omitempty"`
}

// LoginSpec says what to log in for.
type LoginSpec struct {
	Provider string `json:"provider"`
	// Label that the credential gets; empty leaves it to the provider.
	Label string `json:"label,omitempty"`
	// Set holds destination and public fields.
	Set map[string]string `json:"set,omitempty"`
	// AllowPrivate lets the credential reach private addresses by name.
	AllowPrivate bool `json:"allow_private,omitempty"`
	// ProxyURL may hold a password.
	ProxyURL string `json:"proxy_url,omitempty"`
	// Replace is the id of the credential that gets the new tokens; all else of
	// it stays. Empty makes a new one.
	Replace string `json:"replace,omitempty"`
	// Redirect is where the command waits for the browser.
	Redirect string `json:"redirect,omitempty"`
}

// LoginAnswer is one of: a poll, the request of a browser that came back, a
// pasted text, the answers to a form.
type LoginAnswer struct {
	ID   string `json:"id"`
	Poll bool   `json:"poll,omitempty"`
	// Query is the raw query of the browser's request, Header its headers.
	Query  *string     `json:"query,omitempty"`
	Header http.Header `json:"header,omitempty"`
	Paste  *string     `json:"paste,omitempty"`
	// Fields are the answers, by field.
	Fields map[string]string `json:"fields,omitempty"`
}

// LoginState is a login as it stands. It holds no secret.
type LoginState struct {
	ID string `json:"id"`
	// Prompt is what the person is asked; nil when the login is done.
	Prompt *LoginPrompt `json:"prompt,omitempty"`
	// PollIn is how long to wait before the next poll, in nanoseconds on the
	// wire.
	PollIn time.Duration `json:"poll_in_ns,omitempty"`
	// Ends is when the login, or what it asks for, is over.
	Ends time.Time `json:"ends,omitzero"`
	// Auth is the credential, once it is stored.
	Auth *AuthView `json:"auth,omitempty"`
}

// The kinds of LoginPrompt.
const (
	LoginDevice  = "device"
	LoginBrowser = "browser"
	LoginPaste   = "paste"
	LoginForm    = "form"
)

// LoginPrompt is what a person is asked.
type LoginPrompt struct {
	// Kind is one of the above.
	Kind    string `json:"kind"`
	Message string `json:"message,omitempty"`
	// URL is the page to open.
	URL string `json:"url,omitempty"`
	// UserCode is what to enter there.
	UserCode string       `json:"user_code,omitempty"`
	Fields   []LoginField `json:"fields,omitempty"`
}

// LoginField is one thing to fill in.
type LoginField struct {
	Name  string `json:"name"`
	Label string `json:"label,omitempty"`
	// Secret: it is not shown while it is typed.
	Secret   bool `json:"secret,omitempty"`
	Required bool `json:"required,omitempty"`
}

func (h handler) loginRoutes(e *echo.Echo) {
	e.GET("/v1/logins/info", h.loginInfo)
	e.POST("/v1/logins", h.startLogin)
	e.POST("/v1/logins/continue", h.continueLogin)
	e.DELETE("/v1/logins", h.cancelLogin)
}

func (h handler) loginInfo(c echo.Context) error {
	info, err := h.ops.LoginInfo(c.Request().Context(), c.QueryParam("provider"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, info)
}

func (h handler) startLogin(c echo.Context) error {
	var spec LoginSpec
	if err := bind(c, maxBody, &spec); err != nil {
		return err
	}
	state, err := h.ops.StartLogin(c.Request().Context(), spec)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, state)
}

func (h handler) continueLogin(c echo.Context) error {
	var answer LoginAnswer
	if err := bind(c, maxBody, &answer); err != nil {
		return err
	}
	state, err := h.ops.ContinueLogin(c.Request().Context(), answer)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, state)
}

func (h handler) cancelLogin(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	if err := h.ops.CancelLogin(c.Request().Context(), id); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// LoginInfo implements Operations.
func (c *Client) LoginInfo(ctx context.Context, provider string) (LoginInfo, error) {
	return call[LoginInfo](ctx, c, http.MethodGet, "/v1/logins/info?provider="+url.QueryEscape(provider), nil)
}

// StartLogin implements Operations.
func (c *Client) StartLogin(ctx context.Context, spec LoginSpec) (LoginState, error) {
	return call[LoginState](ctx, c, http.MethodPost, "/v1/logins", spec)
}

// ContinueLogin implements Operations.
func (c *Client) ContinueLogin(ctx context.Context, answer LoginAnswer) (LoginState, error) {
	return call[LoginState](ctx, c, http.MethodPost, "/v1/logins/continue", answer)
}

// CancelLogin implements Operations.
func (c *Client) CancelLogin(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, http.MethodDelete, "/v1/logins?id="+url.QueryEscape(id), nil)
	return err
}
