package auth

import "strings"

// oauthKeys are metadata that only a credential which somebody logged in for
// has.
var oauthKeys = []string{"access_token", "refresh_token", "id_token", "email", "token_type", "expires_at", "expired"}

// Kind returns how the credential proves who it is, KindOAuth or KindAPIKey: as
// its auth_kind says, attribute before metadata, else as what it holds shows.
// It is empty when neither tells. Any other word in auth_kind is returned as it
// is, in lower case. spec: core.md 1.8.
func (a *Auth) Kind() string {
	if a == nil {
		return ""
	}
	for _, said := range []string{a.Attributes[AttrAuthKind], a.text(AttrAuthKind)} {
		switch said = strings.ToLower(strings.TrimSpace(said)); said {
		case "":
		case "apikey", "api-key", "api_key":
			return KindAPIKey
		case "oauth2", "oauth":
			return KindOAuth
		default:
			return said
		}
	}
	if strings.TrimSpace(a.Attributes[AttrAPIKey]) != "" {
		return KindAPIKey
	}
	for _, key := range oauthKeys {
		if a.text(key) != "" {
			return KindOAuth
		}
	}
	if len(objectOf(a.Metadata["token"])) > 0 {
		return KindOAuth
	}
	if a.text(AttrAPIKey) != "" {
		return KindAPIKey
	}
	return ""
}
