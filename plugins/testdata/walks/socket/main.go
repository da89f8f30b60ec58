// Socket is a provider that speaks over WebSockets only, which no host has yet.
package main

import (
	guest "github.com/patchbay-dev/patchbay/sdk-guest"

	"github.com/patchbay-dev/patchbay/abi"
)

func main() {}

var _ = guest.Register(guest.Provider{
	Key: "socket",
	Execute: func(r *guest.Request) guest.Answer {
		return r.Fail(guest.Fail{Code: guest.CodeUnsupported, Message: "needs " + abi.FeatureWebSocket})
	},
})
