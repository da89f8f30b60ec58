package host

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/schedule"
	"github.com/patchbay-dev/patchbay/host/selector"
)

// request is one call of the manager on its way through rounds and attempts. It
// belongs to one goroutine.
type request struct {
	w         *world
	providers []string // those with an executor, lower case, without repeats
	route     string   // the model as the client named it
	canonical string   // as the index knows it, without a thinking suffix
	req       executor.Request
	opts      executor.Options
	pin       string
	onPick    func(id string)
	tried     schedule.Tried[*slot]
	round     int // of attempts, from 0
	// probe is what the attempt that runs tries out, nil if nothing.
	probe *probe
	// hold is the pick that the attempt that runs is in flight for.
	hold schedule.Picked[*slot]
	// renewed are the credentials that were refreshed after a 401.
	renewed []string
	// count says that only tokens are counted.
	count bool
	// indexed says that the index picks; else the selector does, from a slice.
	indexed bool
	// socket says that the client speaks websocket, as the provider may.
	socket bool
	// session is the one that the request is of, nil when that says nothing.
	session *sessionKey
}

// newRequest reads what is asked for. The caller's maps are not kept.
func (m *Manager) newRequest(ctx context.Context, providers []string, req executor.Request, opts executor.Options) (*request, error) {
	if m.isClosed() {
		return nil, ErrClosed
	}
	m.heedSwitch()
	r := &request{w: m.world.Load(), req: req, opts: opts, route: routeOf(req.Model)}
	r.canonical = m.laneName(auth.CanonicalModel(r.route))
	r.opts.Metadata = maps.Clone(opts.Metadata)
	if r.opts.Metadata == nil {
		r.opts.Metadata = map[string]any{}
	}
	if text(opts.Metadata[executor.RequestedModelKey]) == "" {
		r.opts.Metadata[executor.RequestedModelKey] = r.route
	}
	r.pin = text(opts.Metadata[executor.PinnedAuthIDKey])
	r.onPick, _ = opts.Metadata[executor.SelectedAuthCallbackKey].(func(string))
	r.indexed = r.w.strategy != custom

	var asked []string
	for _, p := range providers {
		if p = providerKey(p); p != "" && !slices.Contains(asked, p) {
			asked = append(asked, p)
			if r.w.executors[p] != nil {
				r.providers = append(r.providers, p)
			}
		}
	}
	switch {
	case len(asked) == 0:
		return nil, fault(auth.CodeProviderNotFound, "no provider supplied")
	case len(r.providers) == 0:
		return nil, m.noExecutor(asked)
	}
	r.join()
	r.socket = executor.DownstreamWebsocket(ctx) && len(r.providers) == 1 && selector.SpeaksWebsocket(r.providers[0])
	return r, nil
}

// noExecutor tells a provider whose executor is missing from one that nobody
// ever heard of.
func (m *Manager) noExecutor(asked []string) error {
	for _, p := range m.index.Providers("") {
		if slices.Contains(asked, p) {
			return fault(auth.CodeExecutorNotFound, "provider %s has credentials but no executor; is its plugin loaded?", p)
		}
	}
	return fault(auth.CodeProviderNotFound, "no provider is called %s", strings.Join(asked, " or "))
}

func routeOf(model string) string { return strings.TrimSpace(model) }

// text reads a metadata value that may be a string or bytes.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case []byte:
		return strings.TrimSpace(string(v))
	}
	return ""
}

// query is what the index is asked.
func (m *Manager) query(r *request) schedule.Query {
	return schedule.Query{
		Providers: r.providers, Model: r.canonical, Now: m.now(), Pin: r.pin, Order: r.w.strategy.order(), Socket: r.socket,
		ProbeInterval: r.w.cooldown.ProbeInterval, Round: r.round, Rounds: r.w.retries,
	}
}

// provider is the single provider of the request, or "mixed".
func (r *request) provider() string {
	if len(r.providers) == 1 {
		return r.providers[0]
	}
	return auth.ProviderMixed
}

// allows reports whether a credential takes part in a round. spec: core.md 2.7.
func (r *request) allows(e *entry) bool { return r.round == 0 || e.limit(r.w) >= r.round }
