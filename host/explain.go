package host

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// Explanation says what a request for a model would meet now.
type Explanation struct {
	Model string `json:"model"`
	// Providers that were asked about, or that list the model.
	Providers []string `json:"providers"`
	// Strategy is how credentials are chosen: round_robin, fill_first, weighted or
	// custom.
	Strategy string `json:"strategy"`
	// Error is what a client would get; empty when a credential can be picked.
	Error string `json:"error,omitempty"`
	// Candidates are all credentials of the providers: those that would be tried,
	// in that order, and then the others by priority, the highest first, and id.
	Candidates []Candidate `json:"candidates"`
}

// Candidate is one credential in an Explanation. It holds no secret.
type Candidate struct {
	ID       string `json:"id"`
	Label    string `json:"label,omitempty"`
	Provider string `json:"provider"`
	Priority int    `json:"priority"`
	// Turn counts from 1, in the order in which they would be tried; 0 means
	// that it is skipped.
	Turn int `json:"turn,omitempty"`
	// Verdict is one of the Verdict constants.
	Verdict string `json:"verdict"`
	// Reason says why, in words.
	Reason string `json:"reason"`
	// Until is when a wait ends; zero means that no time is known or none needed.
	Until time.Time `json:"until,omitzero"`
	// Source says on whose word.
	Source auth.Source `json:"source,omitempty"`
	// Reset is when the provider says that a quota returns, if it did.
	Reset time.Time `json:"reset,omitzero"`
	// Status is the HTTP status behind it, 0 when there was none.
	Status int `json:"status,omitempty"`
	// Change says what would change the verdict.
	Change string `json:"change,omitempty"`
}

// The verdicts on a candidate.
const (
	VerdictReady      = "ready"       // it can be picked
	VerdictProbe      = "probe"       // it can be picked once, and then if that succeeds
	VerdictSaturated  = "saturated"   // it serves as many requests as it may at a time
	VerdictHost       = "host"        // its upstream host answers nobody
	VerdictTrying     = "trying"      // a request is finding out whether it works again
	VerdictQuota      = "quota"       // it waits for a quota
	VerdictBlocked    = "blocked"     // it waits after another failure
	VerdictDisabled   = "disabled"    // it is switched off
	VerdictUnlisted   = "unlisted"    // it does not serve the model
	VerdictNotPinned  = "not_pinned"  // the request asks for another one
	VerdictNoExecutor = "no_executor" // nobody can execute for its provider
)

// Explain says, without changing anything, which credential a request would get
// now, which ones after that, and for every other one why not, until when, on
// whose word, and what would change that. Without providers it asks about those
// that list the model, or about all when none does. It looks at every credential
// of the providers. A selector that is not ours decides on its own which of the
// ready ones is first.
func (m *Manager) Explain(providers []string, model string, opts executor.Options) Explanation {
	out := Explanation{Model: routeOf(model), Strategy: m.world.Load().strategy.String(), Candidates: []Candidate{}}
	if out.Providers = m.explained(providers, out.Model); len(out.Providers) == 0 {
		out.Error = fault(auth.CodeAuthNotFound, "there are no credentials").Error()
		return out
	}
	r, err := m.newRequest(context.Background(), out.Providers, executor.Request{Model: model}, opts)
	var order []string
	var kept string
	if err == nil {
		kept = m.lastOf(r)
		if order = stay(m.index.Preview(m.query(r)), kept); len(order) == 0 {
			err = m.unselectable(r)
		}
	}
	if err != nil {
		out.Error = err.Error()
	}
	turns := make(map[string]int, len(order))
	for i, id := range order {
		turns[id] = i + 1
	}
	pin := text(opts.Metadata[executor.PinnedAuthIDKey])
	now := m.now()
	m.mu.RLock()
	for id, s := range m.slots {
		if e := s.cur.Load(); e != nil && slices.Contains(out.Providers, e.provider) {
			c := m.unsyncedExplain(s, e, out.Model, now)
			if c.Verdict != VerdictHost {
				c.Turn = turns[id]
			}
			if id == kept {
				explainSession(&c)
			}
			if pin != "" && id != pin {
				c = Candidate{ID: c.ID, Label: c.Label, Provider: c.Provider, Priority: c.Priority, Verdict: VerdictNotPinned,
					Reason: "the request asks for credential " + pin}
			}
			out.Candidates = append(out.Candidates, c)
		}
	}
	m.mu.RUnlock()
	executors := m.world.Load().executors
	for i := range out.Candidates {
		if c := &out.Candidates[i]; executors[c.Provider] == nil {
			c.Verdict, c.Reason, c.Change = VerdictNoExecutor, "provider "+c.Provider+" has no executor", "load the provider's plugin"
		}
	}
	slices.SortFunc(out.Candidates, byTurn)
	return out
}

// explained returns the providers that an explanation is about.
func (m *Manager) explained(asked []string, route string) []string {
	var out []string
	for _, p := range asked {
		if p = providerKey(p); p != "" && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		out = m.ProvidersForModel(route)
	}
	if len(out) == 0 {
		out = m.index.Providers("")
	}
	return out
}

// byTurn sorts those that are tried to the front.
func byTurn(a, b Candidate) int {
	rank := func(c Candidate) int {
		if c.Turn == 0 {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Turn, b.Turn), cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.ID, b.ID))
}

// explain says how one credential stands for a model. The caller holds
// Manager.mu, at least for reading.
func (e *entry) explain(s *slot, route string, now time.Time) Candidate {
	c := Candidate{ID: s.id, Label: e.auth.Label, Provider: e.provider, Priority: e.auth.Priority()}
	canonical := auth.CanonicalModel(route)
	i := slices.IndexFunc(e.lanes, func(l lane) bool { return l.name == canonical })
	if i < 0 {
		i = e.foldedLane(canonical)
	}
	if e.disabled() {
		c.Verdict, c.Source, c.Reason, c.Change = VerdictDisabled, auth.SourceOperator, "disabled", "switch it on"
		return c
	}
	if i < 0 {
		c.Verdict = VerdictUnlisted
		c.Reason = fmt.Sprintf("does not list model %q", route)
		c.Change = "list the model in it, or have its provider do so"
		return c
	}
	l := e.lanes[i]
	state, b := e.bestOf(s, l, now)
	switch {
	case s.probing[state] || s.probing[auth.CredentialState]:
		c.Verdict, c.Reason = VerdictTrying, "a request is finding out whether it works again"
		c.Change = "the outcome of that request"
	case b.Reason == auth.NotBlocked && len(e.halfOpen(state, now)) > 0:
		c.Verdict, c.Reason = VerdictProbe, "a long block is over: one request finds out whether it works again"
		c.Change = "a success of that request"
	case b.Reason == auth.NotBlocked:
		c.Verdict, c.Reason = VerdictReady, "ready"
	default:
		e.explainBlock(&c, state, b)
	}
	return c
}

// unsyncedExplain is explain with what only the index knows.
func (m *Manager) unsyncedExplain(s *slot, e *entry, route string, now time.Time) Candidate {
	c := e.explain(s, route, now)
	if n, limit := m.index.InFlight(s.id); limit > 0 && n >= limit && (c.Verdict == VerdictReady || c.Verdict == VerdictProbe) {
		c.Verdict, c.Reason = VerdictSaturated, fmt.Sprintf("saturated: %d of %d in flight", n, limit)
		c.Change = "the end of one of its requests, or a higher max_in_flight"
	}
	if left := m.hosts.Shut(s.host(), m.world.Load().cooldown, now); left > 0 && (c.Verdict == VerdictReady || c.Verdict == VerdictProbe) {
		c.Verdict, c.Until = VerdictHost, now.Add(left)
		c.Reason = fmt.Sprintf("passed over until %s: the upstream host %s answered no credential", c.Until.UTC().Format(time.RFC3339), s.host())
		c.Change = "the wait's end, after which one request tries the host out, or an answer of the host"
	}
	return c
}

// bestOf returns the state of a lane that decides, and its block: that of the
// pool's member which is free the soonest.
func (e *entry) bestOf(s *slot, l lane, now time.Time) (state string, b auth.Block) {
	state, b = l.state, e.auth.Block(l.state, now)
	for _, other := range l.others {
		o := e.auth.Block(other, now)
		if b.Reason != auth.NotBlocked && (o.Reason == auth.NotBlocked || o.Until.Before(b.Until)) || s.probing[state] && o.Reason == auth.NotBlocked {
			state, b = other, o
		}
	}
	return state, b
}

func (e *entry) explainBlock(c *Candidate, state string, b auth.Block) {
	c.Until, c.Source, c.Status = b.Until, b.Source, b.Status
	c.Verdict, c.Reason = VerdictBlocked, "blocked"
	quota := e.auth.Quota.NextRecoverAt
	if s := e.auth.ModelStates[state]; s != nil {
		quota = s.Quota.NextRecoverAt
	}
	if b.Reason == auth.BlockedQuota {
		c.Verdict, c.Reason, c.Reset = VerdictQuota, "quota used up", quota
	}
	if b.Status != 0 {
		c.Reason += fmt.Sprintf(" after status %d", b.Status)
	}
	if !b.Until.IsZero() {
		c.Reason += " until " + b.Until.UTC().Format(time.RFC3339)
	}
	if on := words[b.Source]; on != "" {
		c.Reason += ", " + on
	}
	c.Change = "the wait's end, or a reset of its cooldown"
	if b.Source == auth.SourceDefault || b.Source == auth.SourceProbe {
		c.Change = "what is wrong put right and its cooldown reset, or the wait's end"
	}
}

// words say on whose word a wait is as long as it is.
var words = map[auth.Source]string{
	auth.SourceHeader:  "as the provider's header says",
	auth.SourceBody:    "as the provider's answer says",
	auth.SourcePlugin:  "as the provider's plugin says",
	auth.SourceLadder:  "longer with each failure in a row",
	auth.SourceDefault: "as configured for that status",
	auth.SourceProbe:   "twice the wait before, since it still failed",
}

// line is the candidate as the error for a client names it.
func (c Candidate) line() string {
	name := fmt.Sprintf("%q", c.ID)
	if c.Label != "" {
		name = fmt.Sprintf("%q (%s)", c.Label, c.ID)
	}
	reason := c.Reason
	if c.Verdict == VerdictReady {
		reason = "tried"
	}
	return name + ": " + reason
}

// String is the name of the strategy in the configuration.
func (s strategy) String() string {
	switch s {
	case roundRobin:
		return "round_robin"
	case fillFirst:
		return "fill_first"
	case weighted:
		return "weighted"
	}
	return "custom"
}
