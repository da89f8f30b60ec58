// Package openaicompat is the first-party provider for any API that speaks
// OpenAI's chat completions with an API key: the credential fields base_url
// and api_key. It is written with the SDK that everybody's plugins use.
package openaicompat

import (
	_ "embed"

	guest "github.com/patchbay-dev/patchbay/sdk-guest"
)

// Manifest is the provider's manifest, JSON as a plugin would carry it.
//
//go:embed manifest.json
var Manifest []byte

// Provider returns the provider. Guest.Native and guest.Register take it.
func Provider() guest.Provider {
	return guest.Provider{Key: "openai-compatible", Execute: execute, Models: models}
}

func execute(r *guest.Request) guest.Answer {
	return r.Post("base_url", "chat", "completions").Bearer("api_key").ClientBody().Pass()
}

func models(r *guest.Request) guest.Answer {
	return r.Get("base_url", "models").Bearer("api_key").OpenAIModels()
}
