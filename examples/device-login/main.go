// Device-login is a provider with an OAuth login by a code that a person enters
// on any device (RFC 8628). Its API speaks OpenAI's chat completions.
package main

import (
	"strconv"

	"github.com/patchbay-dev/patchbay/abi"
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
)

func main() {}

var _ = guest.Register(guest.Provider{
	Key: "device-login",
	Execute: func(r *guest.Request) guest.Answer {
		return r.Post("base_url", "chat", "completions").Bearer("access_token").ClientBody().Pass()
	},
	Models: func(r *guest.Request) guest.Answer {
		return r.Get("base_url", "models").Bearer("access_token").OpenAIModels()
	},
	Login:   login,
	Refresh: refresh,
	Steps: map[string]func(*guest.Request) guest.Answer{
		"begun":     begun,
		"polled":    polled,
		"refreshed": refreshed,
	},
})

// login asks for a code, and then polls with it. What the code is for stays in
// the credential, and the host puts it into the polls.
func login(r *guest.Request) guest.Answer {
	switch r.Login.Phase {
	case abi.LoginPhaseStart:
		return token(r, "device").
			Exchange("begun",
				guest.Take("/device_code", "device_code"),
				guest.Take("/user_code", "user_code"),
				guest.Take("/verification_uri", "verification_uri"),
				guest.Take("/interval", "poll_seconds"))
	case abi.LoginPhasePoll:
		return token(r, "token",
			guest.Value("grant_type", guest.Text("urn:ietf:params:oauth:grant-type:device_code")),
			guest.Value("device_code", guest.Secret("device_code"))).
			Exchange("polled", tokens()...)
	}
	return r.Fail(guest.Fail{Code: guest.CodeBadRequest, Message: "this login has a start and polls only"})
}

// token is a request to the OAuth server.
func token(r *guest.Request, path string, fields ...guest.Field) *guest.Send {
	fields = append(fields, guest.Value("client_id", guest.Text(r.Config("client_id").Text())))
	if scope := r.Config("scope").Text(); scope != "" && path == "device" {
		fields = append(fields, guest.Value("scope", guest.Text(scope)))
	}
	return r.Post("login_url", path).Header("Accept", "application/json").Form(fields...)
}

// tokens are what a token answer brings.
func tokens() []guest.Extract {
	return []guest.Extract{
		guest.Take("/access_token", "access_token"),
		guest.Take("/refresh_token", "refresh_token"),
		guest.TakeExpiry("/expires_in", "expires_at"),
		guest.TakeClaim("/id_token", "email", "email"),
	}
}

func begun(r *guest.Request) guest.Answer {
	if r.Exchange == nil || r.Exchange.Status != 200 {
		return refused(r)
	}
	seconds, err := strconv.ParseUint(r.Field("poll_seconds"), 10, 16)
	if err != nil {
		seconds = 5
	}
	return r.Prompt(guest.Prompt{
		Kind: abi.PromptKindDevice, URL: r.Field("verification_uri"), UserCode: r.Field("user_code"), IntervalMS: seconds * 1000,
	})
}

// polled goes on waiting while the person is not done: that the server answers
// with 400 then is what it is meant to do.
func polled(r *guest.Request) guest.Answer {
	if r.Exchange == nil {
		return r.Prompt(guest.Prompt{Kind: abi.PromptKindDevice}) // no answer; the next poll may get one
	}
	switch {
	case r.Exchange.Error == "authorization_pending" || r.Exchange.Error == "slow_down":
		return r.Prompt(guest.Prompt{Kind: abi.PromptKindDevice})
	case r.Exchange.Status != 200:
		return refused(r)
	}
	return r.Patch(guest.Patch{Delete: []string{"device_code", "user_code", "verification_uri", "poll_seconds"}})
}

func refresh(r *guest.Request) guest.Answer {
	return token(r, "token",
		guest.Value("grant_type", guest.Text("refresh_token")),
		guest.Value("refresh_token", guest.Secret("refresh_token"))).
		Consumes("refresh_token").Exchange("refreshed", tokens()...)
}

func refreshed(r *guest.Request) guest.Answer {
	if r.Exchange == nil || r.Exchange.Status != 200 {
		return refused(r)
	}
	return r.Patch(guest.Patch{})
}

func refused(r *guest.Request) guest.Answer {
	if r.Failure != nil {
		return r.Fail(*r.Failure)
	}
	if r.Exchange == nil {
		return r.FailUpstream()
	}
	message := "the OAuth server answered " + strconv.Itoa(int(r.Exchange.Status))
	if r.Exchange.Error != "" {
		message = r.Exchange.Error
	}
	if r.Exchange.ErrorDescription != "" {
		message += ": " + r.Exchange.ErrorDescription
	}
	return r.Fail(guest.Fail{Code: guest.CodeAuthInvalid, Message: message, HTTPStatus: r.Exchange.Status, Scope: guest.ScopeCredential})
}
