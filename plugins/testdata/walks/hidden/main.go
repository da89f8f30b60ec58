// Hidden is a provider that answers 200 and puts its errors into the stream:
// what came before one is held, so that another credential can still answer.
package main

import guest "github.com/patchbay-dev/patchbay/sdk-guest"

func main() {}

var _ = guest.Register(guest.Provider{
	Key: "hidden",
	Execute: func(r *guest.Request) guest.Answer {
		return r.Post("base_url", "chat", "completions").Bearer("api_key").ClientBody().Events()
	},
	Events: func(b *guest.Batch) guest.Answer {
		for _, e := range b.Events {
			if string(e.Data) == "[DONE]" {
				return b.End()
			}
			if e.Name == "error" {
				return b.Fail(guest.Fail{Code: guest.CodeOverloaded, Message: "the provider is overloaded", Retryable: true})
			}
			// The first event of this provider comes before it knows whether it
			// can answer.
			if e.Name == "created" {
				b.Hold(e.Data)
				continue
			}
			b.Emit(e.Data)
		}
		if b.Ended() {
			return b.Broken()
		}
		return b.More()
	},
})
