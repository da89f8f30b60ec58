// Package models knows which credential serves which models, and how their
// names are told apart by prefix. spec: core.md 4.7 and section 7.
package models

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// Info describes a model that a credential serves.
type Info struct {
	// ID is the name that clients use.
	ID          string
	DisplayName string
	OwnedBy     string
	// Created is in seconds since the Unix epoch; 0 when unknown.
	Created int64
	// ContextTokens is 0 when unknown.
	ContextTokens uint64
}

// Registry holds the models of every credential of one manager. It is safe for
// concurrent use, and the zero value is ready. Slices that it returns are never
// changed afterwards, and the caller must not change them either.
type Registry struct {
	// mu guards everything below.
	mu     sync.RWMutex
	byAuth map[string]*held
	// lists finds what somebody serves already, by what is in it: most credentials
	// serve the same, and share it.
	lists map[string]*held
	// holders has the credentials of a model, by canonical name.
	holders map[string]*holders
	// all is what All returns; nil when it has to be made anew.
	all []Info
}

// maxLists bounds the lists that are found again; where there are more, some are
// kept twice.
const maxLists = 1024

// held is what some credentials serve. It is immutable.
type held struct {
	infos     []Info
	canonical []string // sorted
}

type holders struct {
	ids map[string]struct{}
	// sorted is ids in order; nil when it has to be made anew. Keeping it by
	// hand would make the loading of n credentials cost n².
	sorted []string
}

// Set replaces what the credential serves. Of two infos with one ID the first
// counts, and one without an ID counts for nothing. It keeps no reference to
// infos.
func (r *Registry) Set(authID string, infos []Info) {
	key := Fingerprint(infos)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(authID)
	if r.byAuth == nil {
		r.byAuth = map[string]*held{}
		r.lists = map[string]*held{}
		r.holders = map[string]*holders{}
	}
	h := r.lists[key]
	if h == nil {
		if len(r.lists) >= maxLists {
			clear(r.lists)
		}
		h = newHeld(infos)
		r.lists[key] = h
	}
	r.byAuth[authID] = h
	for _, model := range h.canonical {
		of := r.holders[model]
		if of == nil {
			of = &holders{ids: map[string]struct{}{}}
			r.holders[model] = of
		}
		of.ids[authID] = struct{}{}
		of.sorted = nil
	}
	r.all = nil
}

func newHeld(infos []Info) *held {
	h := &held{}
	seen := make(map[string]struct{}, len(infos))
	for _, info := range infos {
		if _, dup := seen[info.ID]; dup || info.ID == "" {
			continue
		}
		seen[info.ID] = struct{}{}
		h.infos = append(h.infos, info)
		h.canonical = append(h.canonical, auth.CanonicalModel(info.ID))
	}
	slices.Sort(h.canonical)
	h.canonical = slices.Compact(h.canonical)
	return h
}

// Fingerprint is the same for lists that say the same, and for no other.
func Fingerprint(infos []Info) string {
	if len(infos) == 0 {
		return ""
	}
	var b []byte
	for _, i := range infos {
		for _, s := range [...]string{i.ID, i.DisplayName, i.OwnedBy} {
			b = strconv.AppendInt(b, int64(len(s)), 10)
			b = append(append(b, ':'), s...)
		}
		b = strconv.AppendInt(b, i.Created, 10)
		b = append(strconv.AppendUint(append(b, ','), i.ContextTokens, 10), ';')
	}
	return string(b)
}

// Remove forgets the credential.
func (r *Registry) Remove(authID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(authID)
}

// drop is Remove for callers that hold mu.
func (r *Registry) drop(authID string) {
	h, ok := r.byAuth[authID]
	if !ok {
		return
	}
	delete(r.byAuth, authID)
	for _, model := range h.canonical {
		of := r.holders[model]
		delete(of.ids, authID)
		of.sorted = nil
		if len(of.ids) == 0 {
			delete(r.holders, model)
		}
	}
	r.all = nil
}

// Models returns what the credential serves, in the order of Set; nil when
// nothing is known of it.
func (r *Registry) Models(authID string) []Info {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if h := r.byAuth[authID]; h != nil {
		return h.infos
	}
	return nil
}

// Supports reports whether the credential serves the model. It does not
// allocate.
func (r *Registry) Supports(authID, canonicalModel string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	h := r.byAuth[authID]
	if h == nil {
		return false
	}
	_, ok := slices.BinarySearch(h.canonical, canonicalModel)
	return ok
}

// Holders returns the IDs of the credentials that serve the model, sorted. A
// thinking suffix on the name makes no difference.
func (r *Registry) Holders(model string) []string {
	model = auth.CanonicalModel(model)
	if sorted, ok := r.sortedHolders(model); ok {
		return sorted
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.holders[model]
	if of == nil {
		return nil
	}
	if of.sorted == nil {
		of.sorted = slices.Sorted(maps.Keys(of.ids))
	}
	return of.sorted
}

// sortedHolders reports false when the order has to be made first.
func (r *Registry) sortedHolders(canonicalModel string) (sorted []string, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	of := r.holders[canonicalModel]
	if of == nil {
		return nil, true
	}
	return of.sorted, of.sorted != nil
}

// All returns every model that some credential serves, once, by ID. Where
// credentials describe a model differently, the one with the lowest ID is
// believed.
func (r *Registry) All() []Info {
	r.mu.RLock()
	all := r.all
	r.mu.RUnlock()
	if all != nil {
		return all
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all != nil {
		return r.all
	}
	all = []Info{}
	seen := map[string]struct{}{}
	for _, id := range slices.Sorted(maps.Keys(r.byAuth)) {
		for _, info := range r.byAuth[id].infos {
			if _, dup := seen[info.ID]; !dup {
				seen[info.ID] = struct{}{}
				all = append(all, info)
			}
		}
	}
	slices.SortFunc(all, func(a, b Info) int { return cmp.Compare(a.ID, b.ID) })
	r.all = all
	return all
}
