// Tokens is a provider without a route to count tokens: it counts words
// itself. Its requests can be prepared for programs that send them themselves.
package main

import (
	"bytes"
	"strconv"

	guest "github.com/patchbay-dev/patchbay/sdk-guest"
	"github.com/patchbay-dev/patchbay/sdk-guest/openai"

	"github.com/patchbay-dev/patchbay/abi"
)

func main() {}

var _ = guest.Register(guest.Provider{
	Key: "tokens",
	Execute: func(r *guest.Request) guest.Answer {
		if r.Attempt.Kind != abi.KindCount {
			return r.Post("base_url", "chat", "completions").Bearer("api_key").ClientBody().Pass()
		}
		text, _ := openai.LastUserText(r.Body)
		words := len(bytes.Fields([]byte(text)))
		return r.Reply([]byte(`{"input_tokens":` + strconv.Itoa(words) + `}`))
	},
	PrepareRequest: func(r *guest.Request) guest.Answer {
		return r.Outgoing().Bearer("api_key").Ready()
	},
})
