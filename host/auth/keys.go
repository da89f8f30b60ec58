package auth

import (
	"encoding/json"
	"errors"
	"math"
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
	// AttrWeight is an integer from 1 to MaxWeight: the share that the weighted
	// strategy gives it among those of its priority. See Auth.Weight.
	AttrWeight = "weight"
	// AttrMaxInFlight is an integer: how many requests it may serve at a time. See
	// Auth.MaxInFlight.
	AttrMaxInFlight = "max_in_flight"
	// AttrIndexSeed says what Index is made of, in place of everything else; see
	// Auth.EnsureIndex.
	AttrIndexSeed = "auth_index_seed"
	// AttrHeaderPrefix begins attributes that are extra headers.
	AttrHeaderPrefix = "header:"
)

// attr reads an attribute; that of no record is empty, so that every accessor here
// has an answer for nil.
func (a *Auth) attr(key string) string {
	if a == nil {
		return ""
	}
	return a.Attributes[key]
}

// Priority returns the priority attribute; absent or not a number means 0.
func (a *Auth) Priority() int {
	n, err := strconv.Atoi(strings.TrimSpace(a.attr(AttrPriority)))
	if err != nil {
		return 0
	}
	return n
}

// Group returns the account that the credential is one of several of, from the
// attribute gemini_virtual_parent, else group; empty when it is on its own.
func (a *Auth) Group() string {
	if parent := strings.TrimSpace(a.attr(AttrVirtualParent)); parent != "" {
		return parent
	}
	return strings.TrimSpace(a.attr(AttrGroup))
}

// QuotaGroup returns the group that the credential shares a quota with; empty when
// its quota is its own.
func (a *Auth) QuotaGroup() string { return strings.TrimSpace(a.attr(AttrQuotaGroup)) }

// MaxWeight is the highest weight. It bounds how many different weights there can
// be, and so what a weighted pick costs.
const MaxWeight = 100

// Weight returns the weight attribute, from 1 to MaxWeight. Absent or not an
// integer means 1; what lies outside counts as the nearest bound, so that nobody
// is starved: a credential is switched off by disabling it, not by a weight of 0.
func (a *Auth) Weight() int {
	return int(min(max(integer(a.attr(AttrWeight), 1), 1), MaxWeight))
}

// MaxInFlight returns how many requests the credential may serve at a time, a
// stream for as long as it is open, from the attribute max_in_flight. 0 means any
// number; so does what is absent, negative or not an integer. A number too big to
// be reached counts as the greatest that can be told.
func (a *Auth) MaxInFlight() int {
	return int(min(max(integer(a.attr(AttrMaxInFlight), 0), 0), math.MaxInt32))
}

// integer reads a decimal number; one that is too big is the nearest that is not,
// and anything else is absent.
func integer(s string, absent int64) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return absent
	}
	return n
}

// RuntimeOnly reports whether the credential stays out of the store.
func (a *Auth) RuntimeOnly() bool {
	return strings.EqualFold(strings.TrimSpace(a.attr(AttrRuntimeOnly)), "true")
}

// AllowPrivate reports whether the operator lets this credential reach private
// addresses by name.
func (a *Auth) AllowPrivate() bool { return a.attr(AttrAllowPrivate) == "true" }

// DeclaredModels returns the models that the operator listed, nil when none.
func (a *Auth) DeclaredModels() []string {
	raw := a.attr(AttrModels)
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
	if v, ok := boolOf(a.attr(AttrWebsockets)); ok {
		return v
	}
	if a == nil {
		return false
	}
	v, _ := boolOf(a.Metadata[AttrWebsockets])
	return v
}
