package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// EnsureIndex returns the stable identifier of the credential, and sets Index
// to it when that is empty: 16 hex digits of a hash over the attribute
// auth_index_seed, else over its file name, else over what it is configured with,
// else over its ID. It is empty when there is
// none of these. It writes to the record, so only its owner may call it; the
// manager does when the credential is registered. spec: core.md 1.7.
func (a *Auth) EnsureIndex() string {
	if a == nil {
		return ""
	}
	if a.Index != "" {
		return a.Index
	}
	seed := a.indexSeed()
	if seed == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(seed))
	a.Index = hex.EncodeToString(sum[:8])
	return a.Index
}

func (a *Auth) indexSeed() string {
	if seed := strings.TrimSpace(a.Attributes[AttrIndexSeed]); seed != "" {
		return AttrIndexSeed + ":" + seed
	}
	if name := strings.TrimSpace(a.FileName); name != "" {
		return "file:" + name
	}
	if seed := a.configSeed(); seed != "" {
		return seed
	}
	if id := strings.TrimSpace(a.ID); id != "" {
		return "id:" + id
	}
	return ""
}

// configSeed joins what makes two configured credentials different, or returns
// the empty string when nothing but the provider is known.
func (a *Auth) configSeed() string {
	attr := func(key string) string { return strings.TrimSpace(a.Attributes[key]) }
	provider := strings.ToLower(attr("provider_key"))
	if provider == "" {
		provider = strings.ToLower(strings.TrimSpace(a.Provider))
	}
	if provider == "" {
		return ""
	}
	parts := []string{"provider=" + escape(provider)}
	for _, p := range []struct{ name, value string }{
		{"compat", strings.ToLower(attr("compat_name"))},
		{"base", attr(AttrBaseURL)},
		{"proxy", strings.TrimSpace(a.ProxyURL)},
		{"api_key", attr(AttrAPIKey)},
		{"source", attr(AttrSource)},
	} {
		if p.value != "" {
			parts = append(parts, p.name+"="+escape(p.value))
		}
	}
	if len(parts) == 1 {
		return ""
	}
	return "config:" + strings.Join(parts, "\x00")
}

// escape keeps a value from looking like the end of itself.
func escape(value string) string { return strings.ReplaceAll(value, "\x00", "\x00\x00") }
