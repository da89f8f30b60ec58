package auth

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Keys of Auth.Attributes that the core reads.
const (
	// AttrPriority is an integer; higher is preferred, absent means 0.
	AttrPriority = "priority"
	// AttrVirtualParent groups credentials of one account.
	AttrVirtualParent = "gemini_virtual_parent"
	// AttrGroup does the same for any provider.
	AttrGroup    = "group"
	AttrAPIKey   = "api_key"
	AttrBaseURL  = "base_url"
	AttrAuthKind = "auth_kind"
	// AttrRuntimeOnly set to true keeps a credential out of the store.
	AttrRuntimeOnly = "runtime_only"
	AttrWebsockets  = "websockets"
	// AttrAllowPrivate set to true lets a credential reach loopback and private
	// addresses by name. Only the operator sets it.
	AttrAllowPrivate = "allow_private"
	// AttrSource says where a credential was declared: config:FILE:LINE for one
	// from the configuration file.
	AttrSource = "source"
	// AttrModels lists model names, a JSON array; absent means what the
	// provider lists.
	AttrModels = "models"
	// AttrModelAliases gives models other names, a JSON array of objects with
	// name, alias and fork.
	AttrModelAliases = "model_aliases"
	// AttrCompatName and AttrProviderKey name the entry of the configuration
	// that the credential belongs to, where that is not its provider.
	AttrCompatName  = "compat_name"
	AttrProviderKey = "provider_key"
	// AttrQuotaGroup names the group that shares a quota.
	AttrQuotaGroup = "quota_group"
	// AttrHeaderPrefix begins attributes that are extra headers.
	AttrHeaderPrefix = "header:"
)

// Priority returns the priority attribute; absent or not a number means 0.
func (a *Auth) Priority() int {
	n, err := strconv.Atoi(strings.TrimSpace(a.Attributes[AttrPriority]))
	if err != nil {
		return 0
	}
	return n
}

// Group returns the account that the credential is one of several of, from the
// attribute gemini_virtual_parent, else group; empty when it is on its own.
func (a *Auth) Group() string {
	if parent := strings.TrimSpace(a.Attributes[AttrVirtualParent]); parent != "" {
		return parent
	}
	return strings.TrimSpace(a.Attributes[AttrGroup])
}

// RuntimeOnly reports whether the credential stays out of the store.
func (a *Auth) RuntimeOnly() bool {
	return strings.EqualFold(strings.TrimSpace(a.Attributes[AttrRuntimeOnly]), "true")
}

// AllowPrivate reports whether the operator lets this credential reach private
// addresses by name.
func (a *Auth) AllowPrivate() bool { return a.Attributes[AttrAllowPrivate] == "true" }

// DeclaredModels returns the models that the operator listed, nil when none.
func (a *Auth) DeclaredModels() []string {
	raw := a.Attributes[AttrModels]
	if raw == "" {
		return nil
	}
	var names []string
	if json.Unmarshal([]byte(raw), &names) != nil {
		return nil
	}
	return names
}

// SetDeclaredModels writes the models that the operator listed.
func (a *Auth) SetDeclaredModels(names []string) {
	if a.Attributes == nil {
		a.Attributes = map[string]string{}
	}
	if len(names) == 0 {
		delete(a.Attributes, AttrModels)
		return
	}
	raw, err := json.Marshal(names)
	if err != nil { // a []string always marshals
		panic(err)
	}
	a.Attributes[AttrModels] = string(raw)
}

// Websockets reports whether the credential speaks websocket upstream, from
// the attribute websockets, else from metadata; false by default.
func (a *Auth) Websockets() bool {
	if v, ok := boolOf(a.Attributes[AttrWebsockets]); ok {
		return v
	}
	v, _ := boolOf(a.Metadata[AttrWebsockets])
	return v
}
