// Mail-gate takes new credentials only for accounts of the operator's own mail
// domains, and labels them with the account.
package main

import (
	"strings"

	guest "github.com/patchbay-dev/patchbay/sdk-guest"
)

func main() {}

var _ = guest.RegisterHooks(guest.Hooks{PostAuth: check})

func check(r *guest.Request) guest.Answer {
	email := r.Field("email")
	_, domain, _ := strings.Cut(email, "@")
	if domain == "" {
		return r.Reject("the account has no mail address")
	}
	for allowed := range r.Config("domains").Items() {
		if strings.EqualFold(allowed.Text(), domain) {
			return r.Patch(guest.Patch{Label: &email})
		}
	}
	return r.Reject("accounts of " + domain + " are not taken here")
}
