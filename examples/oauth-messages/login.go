package main

import (
	"net/url"
	"strconv"

	"github.com/patchbay-dev/patchbay/abi"
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
)

// login sends the person to the login page, and exchanges the code with which
// the browser comes back. Code, state and verifier are the host's; it puts them
// where they belong.
func login(r *guest.Request) guest.Answer {
	switch r.Login.Phase {
	case abi.LoginPhaseStart:
		query := url.Values{"response_type": {"code"}, "client_id": {r.Config("client_id").Text()}}
		if scope := r.Config("scope").Text(); scope != "" {
			query.Set("scope", scope)
		}
		return r.Prompt(guest.Prompt{Kind: abi.PromptKindBrowser, URL: r.Field("login_url") + "/oauth/authorize?" + query.Encode()})
	case abi.LoginPhaseCallback:
		return token(r, "authorization_code",
			guest.Value("/redirect_uri", guest.Text(r.Login.RedirectURI)),
			guest.Value("/state", guest.Secret("state")),
			guest.Value("/code", guest.Secret("code")),
			guest.Value("/code_verifier", guest.Secret("code_verifier"))).
			Consumes("code").Exchange("logged-in", tokens()...)
	}
	return r.Fail(guest.Fail{Code: guest.CodeBadRequest, Message: "this login has a start and a callback only"})
}

func refresh(r *guest.Request) guest.Answer {
	return token(r, "refresh_token", guest.Value("/refresh_token", guest.Secret("refresh_token"))).
		Consumes("refresh_token").Exchange("refreshed", tokens()...)
}

// token is a request to the OAuth server, which takes JSON.
func token(r *guest.Request, grant string, fields ...guest.Field) *guest.Send {
	fields = append(fields,
		guest.Value("/grant_type", guest.Text(grant)),
		guest.Value("/client_id", guest.Text(r.Config("client_id").Text())))
	if r.Config("client_secret").Exists() {
		fields = append(fields, guest.Value("/client_secret", guest.ConfigSecret("client_secret")))
	}
	return r.Post("login_url", "v1", "oauth", "token").JSONFields([]byte("{}"), fields...)
}

func tokens() []guest.Extract {
	return []guest.Extract{
		guest.Take("/access_token", "access_token"),
		guest.Take("/refresh_token", "refresh_token"),
		guest.TakeExpiry("/expires_in", "expires_at"),
		guest.Take("/account/email_address", "email"),
	}
}

// exchanged ends a login and a refresh: the tokens are the host's already.
func exchanged(r *guest.Request) guest.Answer {
	switch {
	case r.Failure != nil:
		return r.Fail(*r.Failure)
	case r.Exchange == nil:
		return r.FailUpstream()
	case r.Exchange.Status != 200:
		message := "the OAuth server answered " + strconv.Itoa(int(r.Exchange.Status))
		if r.Exchange.Error != "" {
			message = r.Exchange.Error
		}
		if r.Exchange.ErrorDescription != "" {
			message += ": " + r.Exchange.ErrorDescription
		}
		return r.Fail(guest.Fail{Code: guest.CodeAuthInvalid, Message: message, HTTPStatus: r.Exchange.Status, Scope: guest.ScopeCredential})
	}
	return r.Patch(guest.Patch{})
}
