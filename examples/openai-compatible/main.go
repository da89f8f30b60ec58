package main

import guest "github.com/patchbay-dev/patchbay/sdk-guest"

func main() {}

var _ = guest.Register(guest.Provider{
	Key: "openai-compatible",
	Execute: func(r *guest.Request) guest.Answer {
		return r.Post("base_url", "chat", "completions").Bearer("api_key").ClientBody().Pass()
	},
	Models: func(r *guest.Request) guest.Answer {
		return r.Get("base_url", "models").Bearer("api_key").OpenAIModels()
	},
})
