// Hmac signs the body of every request of the providers that it was granted
// with a key of its own.
package main

import guest "github.com/patchbay-dev/patchbay/sdk-guest"

func main() {}

var _ = guest.RegisterHooks(guest.Hooks{
	Intercept: func(r *guest.Request) guest.Answer {
		return r.Outgoing().HeaderParts("X-Body-Signature", guest.Text("sha256="), guest.Signer("body")).Ready()
	},
})
