// Package selector chooses one credential among candidates that it is given as
// a slice: round robin, fill first and weighted. It is also the oracle for the indexed
// form that the manager uses. spec: core.md section 4.
package selector

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// websocketProviders are those whose upstream speaks websocket to clients that
// do.
var websocketProviders = []string{"codex", "xai"}

// SpeaksWebsocket reports whether credentials of a provider that speak websocket
// are preferred for clients that do.
func SpeaksWebsocket(provider string) bool {
	return slices.Contains(websocketProviders, strings.ToLower(provider))
}

// ready returns the candidates that may be picked now, of the highest priority
// that has one, by ID. It returns the error that the client gets when there is
// none. The records are not written to.
func ready(ctx context.Context, provider, model string, opts executor.Options, auths []*auth.Auth, now time.Time) ([]*auth.Auth, error) {
	var free []*auth.Auth
	for _, a := range auths {
		if a.Block(model, now).Reason == auth.NotBlocked {
			free = append(free, a)
		}
	}
	if len(free) == 0 {
		return nil, Unavailable(provider, model, auths, now)
	}
	return highest(ctx, provider, opts, free), nil
}

// highest returns those of the highest priority, by ID.
func highest(ctx context.Context, provider string, opts executor.Options, auths []*auth.Auth) []*auth.Auth {
	var best []*auth.Auth
	for _, a := range auths {
		if len(best) > 0 && a.Priority() != best[0].Priority() {
			if a.Priority() < best[0].Priority() {
				continue
			}
			best = best[:0]
		}
		best = append(best, a)
	}
	slices.SortFunc(best, func(a, b *auth.Auth) int { return cmp.Compare(a.ID, b.ID) })
	return preferWebsocket(ctx, provider, opts, best)
}

// preferWebsocket keeps the candidates that speak websocket when the client
// does and one of them can. A pinned credential stays as it is, and so does a
// choice among several providers.
func preferWebsocket(ctx context.Context, provider string, opts executor.Options, best []*auth.Auth) []*auth.Auth {
	if !executor.DownstreamWebsocket(ctx) || pinned(opts) || !SpeaksWebsocket(provider) {
		return best
	}
	var able []*auth.Auth
	for _, a := range best {
		if a.Websockets() {
			able = append(able, a)
		}
	}
	if len(able) == 0 {
		return best
	}
	return able
}

func pinned(opts executor.Options) bool {
	switch id := opts.Metadata[executor.PinnedAuthIDKey].(type) {
	case string:
		return strings.TrimSpace(id) != ""
	case []byte:
		return strings.TrimSpace(string(id)) != ""
	}
	return false
}

// Unavailable returns the error for candidates of which none may be picked:
// auth_not_found without candidates, the CooldownError when a quota is all
// that blocks those that are enabled, else auth_unavailable. spec: core.md
// 4.6.
func Unavailable(provider, model string, auths []*auth.Auth, now time.Time) error {
	if len(auths) == 0 {
		return &auth.Error{Code: auth.CodeAuthNotFound, Message: "no auth candidates"}
	}
	until, ok := allQuota(model, auths, now)
	if !ok {
		return &auth.Error{Code: auth.CodeAuthUnavailable, Message: "no auth available"}
	}
	return auth.NewCooldownError(model, provider, until, now)
}

// allQuota returns when the first candidate is free again, if a quota blocks
// every one that is enabled.
func allQuota(model string, auths []*auth.Auth, now time.Time) (until time.Time, ok bool) {
	for _, a := range auths {
		switch b := a.Block(model, now); {
		case b.Reason == auth.BlockedDisabled:
		case b.Reason != auth.BlockedQuota:
			return time.Time{}, false
		case !ok || b.Until.Before(until):
			until, ok = b.Until, true
		}
	}
	return until, ok
}
