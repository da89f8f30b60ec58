package boltstore

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/patchbay-dev/patchbay/host/auth"
)

var _ auth.HealthStore = (*Store)(nil)

// health is what is kept of a credential whose record is not in the store.
type health struct {
	// Of is a digest of what the states were learned of.
	Of     []byte                      `json:"of"`
	States map[string]*auth.ModelState `json:"states"`
}

// SaveHealth implements auth.HealthStore, in the bucket Cooldowns.
func (s *Store) SaveHealth(ctx context.Context, a *auth.Auth) error {
	if !held(a.ModelStates) {
		return s.Records(Cooldowns).Delete(ctx, a.ID)
	}
	of, err := subject(a)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(health{Of: of, States: a.ModelStates})
	if err != nil {
		return fmt.Errorf("encode the cooldowns of %q: %w", a.ID, err)
	}
	return s.Records(Cooldowns).Put(ctx, a.ID, raw)
}

// Health implements auth.HealthStore.
func (s *Store) Health(ctx context.Context, a *auth.Auth) (map[string]*auth.ModelState, error) {
	raw, found, err := s.Records(Cooldowns).Get(ctx, a.ID)
	if err != nil || !found {
		return nil, err
	}
	var h health
	if err := json.Unmarshal(raw, &h); err != nil {
		return nil, fmt.Errorf("read the cooldowns of %q: %w", a.ID, errUnreadable)
	}
	of, err := subject(a)
	if err != nil {
		return nil, err
	}
	if string(of) != string(h.Of) {
		return nil, nil
	}
	maps.DeleteFunc(h.States, func(_ string, state *auth.ModelState) bool { return state == nil })
	return h.States, nil
}

// held reports whether a state would be missed.
func held(states map[string]*auth.ModelState) bool {
	for _, s := range states {
		if s != nil && (s.Unavailable || s.ProbeWait > 0 || s.Quota.BackoffLevel > 0) {
			return true
		}
	}
	return false
}

// choosing are the attributes that say how a credential is chosen and where it
// was declared. What was learned is true whatever they are.
var choosing = []string{
	auth.AttrSource, auth.AttrModels, auth.AttrModelAliases, auth.AttrPriority, auth.AttrWeight, auth.AttrMaxInFlight,
	auth.AttrGroup, auth.AttrVirtualParent, auth.AttrQuotaGroup, auth.AttrRuntimeOnly,
}

// ownWords are the keys of Metadata that say how a credential is used, and nothing
// of who it is.
var ownWords = []string{auth.MetaDisableCooling, auth.MetaRequestRetry, auth.MetaRefreshDisabled}

// subject is a digest of what makes a credential another one for its provider:
// secrets, destination, proxy. It is sealed like all that is kept.
func subject(a *auth.Auth) ([]byte, error) {
	attributes := maps.Clone(a.Attributes)
	for _, name := range choosing {
		delete(attributes, name)
	}
	if len(attributes) == 0 {
		attributes = nil
	}
	metadata := maps.Clone(a.Metadata)
	for _, name := range ownWords {
		delete(metadata, name)
	}
	raw, err := json.Marshal([]any{a.Provider, a.ProxyURL, attributes, metadata})
	if err != nil { // its text might repeat a value
		return nil, errors.New("a credential holds a value that is none of JSON")
	}
	sum := sha256.Sum256(raw)
	return sum[:], nil
}
