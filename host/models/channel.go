package models

import (
	"slices"
	"strings"
)

// kindAPIKey is the auth kind of an API key.
const kindAPIKey = "apikey"

// apiKeyKinds are the spellings of kindAPIKey.
var apiKeyKinds = []string{kindAPIKey, "api_key", "api-key"}

// oauthProviders are those whose OAuth accounts have a channel, which is called
// like the provider.
var oauthProviders = []string{"gemini-cli", "vertex", "aistudio", "antigravity", "claude", "codex", "qwen", "iflow", "kimi"}

// OAuthModelAliasChannel returns the channel of aliases that credentials of a
// provider and kind belong to, case and surrounding blanks aside: the provider
// itself for gemini-cli, vertex, aistudio, antigravity, claude, codex, qwen,
// iflow and kimi. It is empty for API keys and for every other provider, gemini
// among them. core-decisions.md section 2, row 16.
func OAuthModelAliasChannel(provider, authKind string) string {
	provider = lower(provider)
	if slices.Contains(apiKeyKinds, lower(authKind)) || !slices.Contains(oauthProviders, provider) {
		return ""
	}
	return provider
}

func lower(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
