package telemetry

import (
	"errors"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// other stands for every value of a label beyond those that are kept apart.
const other = "other"

// Bounds of what a label may hold: a series costs memory here and, many times
// over, in whatever collects it.
const (
	maxModels    = 100
	maxProviders = 50
	maxLabel     = 128 // bytes
)

// table finds values by a key that is compared as a whole. Looking up what is
// there takes no lock and allocates nothing. It is safe for concurrent use.
type table[K comparable, V any] struct {
	mu  sync.Mutex // held by writers
	all atomic.Pointer[map[K]V]
}

// get returns the value of a key, which makes makes if there is none.
func (t *table[K, V]) get(k K, makes func(K) V) V {
	if all := t.all.Load(); all != nil {
		if v, ok := (*all)[k]; ok {
			return v
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	next := map[K]V{}
	if all := t.all.Load(); all != nil {
		if v, ok := (*all)[k]; ok {
			return v
		}
		next = maps.Clone(*all)
	}
	v := makes(k)
	next[k] = v
	t.all.Store(&next)
	return v
}

// names keeps the first values of a label apart and calls the rest other.
type names struct {
	most int
	mu   sync.Mutex // held by writers
	all  atomic.Pointer[map[string]string]
}

// label returns the value under which name is counted; empty stays empty.
func (n *names) label(name string) string {
	if name == "" {
		return ""
	}
	if all := n.all.Load(); all != nil {
		if l, ok := (*all)[name]; ok {
			return l
		}
		if len(*all) >= n.most {
			return other
		}
	}
	if len(name) > maxLabel || !utf8.ValidString(name) {
		return other
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	next := map[string]string{}
	if all := n.all.Load(); all != nil {
		if len(*all) >= n.most {
			return other
		}
		next = maps.Clone(*all)
	}
	next[name] = name
	n.all.Store(&next)
	return name
}

// Outcomes of an attempt, and reasons of a cooldown.
const (
	outcomeSuccess      = "success"
	outcomeQuota        = "quota"
	outcomeUnauthorized = "unauthorized"
	outcomeForbidden    = "forbidden"
	outcomeNotFound     = "not_found"
	outcomeRequest      = "request"
	outcomeTransient    = "transient"
)

// outcomeOf puts the outcome of an attempt into one of a few classes, by what
// its status counts as.
func outcomeOf(r auth.Result) string {
	if r.Success {
		return outcomeSuccess
	}
	if r.Error == nil {
		return outcomeTransient
	}
	switch status := auth.CountsAs(r.Error.HTTPStatus, r.Error.Code); {
	case status == http.StatusTooManyRequests:
		return outcomeQuota
	case status == http.StatusUnauthorized:
		return outcomeUnauthorized
	case status == http.StatusForbidden, status == http.StatusPaymentRequired:
		return outcomeForbidden
	case status == http.StatusNotFound:
		return outcomeNotFound
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout:
		return outcomeRequest
	}
	return outcomeTransient
}

// Outcomes of a refresh, beside success.
const (
	outcomeFailed     = "failed"
	outcomeNeedsLogin = "needs_login"
)

// refreshOutcomeOf says how a refresh ended.
func refreshOutcomeOf(err error) string {
	if err == nil {
		return outcomeSuccess
	}
	if own, ok := errors.AsType[*auth.Error](err); ok && own.Code == auth.CodeNeedsLogin {
		return outcomeNeedsLogin
	}
	return outcomeFailed
}
