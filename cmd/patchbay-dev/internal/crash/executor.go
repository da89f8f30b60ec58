package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// provider is the key of the provider that the child refreshes at.
const provider = "strict"

// strict refreshes at an oauth.Server. at is called at each place of a refresh.
type strict struct {
	client *http.Client
	base   string
	at     func(place string)
}

var _ auth.ProviderExecutor = (*strict)(nil)

func (*strict) Identifier() string { return provider }

// Refresh makes one token request.
func (e *strict) Refresh(ctx context.Context, a *auth.Auth) (*auth.Auth, error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.RefreshToken()}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.base+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	e.at(beforeRequest)
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		e.at(answerUnread)
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	var answer struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Error   string `json:"error"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, fmt.Errorf("the token endpoint answered with something else: %w", err)
	}
	switch {
	case answer.Error == auth.CodeInvalidGrant:
		return nil, &auth.Error{Code: auth.CodeInvalidGrant, Message: "the refresh token was refused", HTTPStatus: resp.StatusCode}
	case resp.StatusCode != http.StatusOK:
		return nil, &auth.Error{Message: "the token endpoint failed", HTTPStatus: resp.StatusCode, Retryable: true}
	}
	e.at(answerRead)
	fresh := a.Clone()
	fresh.Metadata["access_token"], fresh.Metadata["refresh_token"] = answer.Access, answer.Refresh
	return fresh, nil
}

// works asks the resource whether an access token is good.
func (e *strict) works(ctx context.Context, access string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.base+"/resource", nil)
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+access)
	resp, err := e.client.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close() // there is nothing in it
	return resp.StatusCode == http.StatusOK
}

var errOnlyRefresh = &auth.Error{Code: auth.CodeNotSupported, Message: "this provider only refreshes"}

func (*strict) Execute(context.Context, *auth.Auth, executor.Request, executor.Options) (executor.Response, error) {
	return executor.Response{}, errOnlyRefresh
}

func (*strict) ExecuteStream(context.Context, *auth.Auth, executor.Request, executor.Options) (*executor.StreamResult, error) {
	return nil, errOnlyRefresh
}

func (*strict) CountTokens(context.Context, *auth.Auth, executor.Request, executor.Options) (executor.Response, error) {
	return executor.Response{}, errOnlyRefresh
}

func (*strict) HttpRequest(context.Context, *auth.Auth, *http.Request) (*http.Response, error) {
	return nil, errOnlyRefresh
}
