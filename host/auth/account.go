package auth

import "strings"

// Kinds that AccountInfo returns.
const (
	KindOAuth  = "oauth"
	KindAPIKey = "api_key"
)

// AccountInfo returns what kind of account stands behind the credential and
// which: oauth and the e-mail address, or api_key and the key itself, which is
// a secret. Both are empty when neither is known. The address wins over the
// key. spec: core.md 1.8.
func (a *Auth) AccountInfo() (kind, value string) {
	if a == nil {
		return "", ""
	}
	if email := a.text("email"); email != "" {
		if project := a.text("project_id"); project != "" && strings.EqualFold(strings.TrimSpace(a.Provider), "gemini-cli") {
			email += " (" + project + ")"
		}
		return KindOAuth, email
	}
	if key := a.Attributes[AttrAPIKey]; key != "" {
		return KindAPIKey, key
	}
	return "", ""
}

// ProxyInfo says that a proxy of the credential's own is used and of which
// scheme, never where it is. It is empty without one.
func (a *Auth) ProxyInfo() string {
	if a == nil || a.ProxyURL == "" {
		return ""
	}
	if i := strings.Index(a.ProxyURL, "://"); i > 0 {
		return "via " + a.ProxyURL[:i] + " proxy"
	}
	return "via proxy"
}

func (a *Auth) text(key string) string {
	s, _ := a.Metadata[key].(string)
	return strings.TrimSpace(s)
}
