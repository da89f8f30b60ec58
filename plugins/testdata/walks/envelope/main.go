// Envelope is a provider that wraps the request, the answer and every event of
// a stream in an object of its own. The host unwraps: no event enters the guest.
package main

import (
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
	"github.com/patchbay-dev/patchbay/sdk-guest/jsonspan"

	"github.com/patchbay-dev/patchbay/abi"
)

func main() {}

var _ = guest.Register(guest.Provider{
	Key: "envelope",
	Execute: func(r *guest.Request) guest.Answer {
		open := append([]byte(`{"project":`), jsonspan.AppendString(nil, r.Field("project"))...)
		return r.Post("base_url", "generate").Bearer("api_key").
			Header("Content-Type", "application/json").
			Body(abi.BodyPart{Which: abi.BodyPartIsLiteral, Literal: append(open, `,"request":`...)}).
			Body(abi.BodyPart{Which: abi.BodyPartIsClientBody, ClientBody: &abi.ClientBody{}}).
			Body(abi.BodyPart{Which: abi.BodyPartIsLiteral, Literal: []byte("}")}).
			Unwrap("response").Pass()
	},
})
