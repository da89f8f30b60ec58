// Vertex is a provider whose token the host makes from a service account's key:
// an assertion that the host signs, exchanged for a token that the host keeps,
// and the stream passed through, in one attempt.
package main

import guest "github.com/patchbay-dev/patchbay/sdk-guest"

func main() {}

var _ = guest.Register(guest.Provider{
	Key: "vertex",
	Execute: func(r *guest.Request) guest.Answer {
		if r.HasSecret("access_token") {
			return ask(r)
		}
		return r.Post("https://oauth2.googleapis.com").
			Form(
				guest.Value("grant_type", guest.Text("urn:ietf:params:oauth:grant-type:jwt-bearer")),
				guest.Value("assertion", guest.Signer("assertion")),
			).
			Derived().ResumeOnError().
			Exchange("minted", guest.Take("/access_token", "access_token"), guest.TakeExpiry("/expires_in", "expires_at"))
	},
	Steps: map[string]func(*guest.Request) guest.Answer{
		"minted": func(r *guest.Request) guest.Answer {
			if r.Exchange == nil || r.Exchange.Error != "" || r.Exchange.Status >= 400 {
				message := "no token"
				if r.Exchange != nil {
					message += ": " + r.Exchange.Error + " " + r.Exchange.ErrorDescription
				}
				return r.Fail(guest.Fail{Code: guest.CodeAuthInvalid, Message: message, Scope: guest.ScopeCredential})
			}
			return ask(r)
		},
	},
})

// ask uses Vertex's OpenAI-compatible endpoint.
func ask(r *guest.Request) guest.Answer {
	location := r.Field("location")
	return r.Post("https://"+location+"-aiplatform.googleapis.com",
		"v1", "projects", r.Field("project_id"), "locations", location, "endpoints", "openapi", "chat", "completions").
		Bearer("access_token").ClientBody().Pass()
}
