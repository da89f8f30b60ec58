package host

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/models"
	"github.com/patchbay-dev/patchbay/host/retry"
)

// attempt is one call of an executor with one credential.
type attempt struct {
	slot     *slot
	auth     *auth.Auth // the executor's own copy
	exec     auth.ProviderExecutor
	provider string
	state    string // what the outcome is remembered under
	req      executor.Request
	opts     executor.Options
	started  time.Time
}

// run is the one loop of attempts: rounds, and in each round one credential
// after the other, until do succeeds or there is nothing left to try. It marks
// every failure before the next attempt; the success is the caller's to mark,
// since a stream is not done when it has begun. spec: core.md 2.1 to 2.7.
func (m *Manager) run(ctx context.Context, r *request, do func(context.Context, *attempt) error) (*attempt, error) {
	m.budget.Earn()
	for round := 0; ; round++ {
		at, err := m.round(ctx, r, round, do)
		if err == nil {
			m.keepSession(r, at.slot)
			return at, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		wait, again := retry.Next(retry.Round{
			Err: err, Round: round, MaxWait: r.w.maxInterval, Candidates: m.candidates(r, round), Statuses: r.w.retryStatuses,
			Now: m.now(), Rand: m.random,
		})
		if !again || !m.budget.Spend() {
			return nil, m.withWait(r, err)
		}
		if err := m.clock.Sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// maxRefused bounds the credentials that a round passes over because their host
// is shut: in an outage that may be all of them.
const maxRefused = 64

// round tries each credential at most once.
func (m *Manager) round(ctx context.Context, r *request, round int, do func(context.Context, *attempt) error) (*attempt, error) {
	r.tried.Reset()
	r.round = round
	defer m.letGo(r)
	var last, shut error
	refused := 0
	for attempts := 0; r.w.maxCredentials == 0 || attempts < r.w.maxCredentials; {
		m.letGo(r)
		s, e, err := m.pick(ctx, r)
		if err != nil {
			// What a provider said tells more, and so does that it said nothing.
			return nil, cmp.Or(last, shut, err)
		}
		visit, err := m.visit(r, s)
		if err != nil { // no attempt was made
			if shut, refused = err, refused+1; refused == maxRefused {
				return nil, cmp.Or(last, shut)
			}
			continue
		}
		if last != nil && !m.budget.Spend() {
			m.hosts.Leave(visit)
			return nil, last
		}
		targets := m.targets(r, s, e)
		if len(targets) == 0 { // blocked since it was picked; that costs no attempt
			m.hosts.Leave(visit)
			continue
		}
		attempts++
		if r.onPick != nil {
			m.guard("selected_auth_callback", func() { r.onPick(s.id) })
		}
		at, err := m.use(ctx, r, s, e, targets, do)
		m.hosts.Leave(visit)
		if err == nil || ctx.Err() != nil || !retry.Failover(err) {
			return at, err
		}
		last = err
	}
	return nil, last
}

// use asks one credential, for each model that stands behind the requested name.
func (m *Manager) use(ctx context.Context, r *request, s *slot, e *entry, targets []models.Target, do func(context.Context, *attempt) error) (*attempt, error) {
	var last error
	for _, t := range targets {
		if last != nil && !m.budget.Spend() {
			break
		}
		if newest := s.cur.Load(); newest != nil { // it may have got new tokens
			e = newest
		}
		at := m.newAttempt(r, s, e, t)
		err := m.call(ctx, r, at, do)
		if err != nil && m.renewFor(ctx, r, at, err) {
			err = m.call(ctx, r, at, do)
		}
		m.heard(r, s, err)
		err = r.w.rules[e.provider].Apply(err)
		switch {
		case err == nil:
			if r.probe != nil {
				m.proved(ctx, at)
			}
			return at, nil
		case ctx.Err() != nil: // the client left; nothing was learned
			return nil, ctx.Err()
		case errors.Is(err, executor.ErrRetired): // no credential is to blame
			return nil, fault(auth.CodeExecutorNotFound, "provider %s was taken out of service", e.provider)
		}
		res := at.failure(err)
		if r.count && uncounted(err) {
			m.notify(ctx, res)
		} else {
			m.mark(ctx, s, res)
		}
		if last = err; res.CredentialScope || !retry.Failover(err) {
			break
		}
	}
	return nil, last
}

// call runs an attempt. An executor that was replaced since the request began
// has done nothing, and the one in its place is asked instead.
func (m *Manager) call(ctx context.Context, r *request, at *attempt, do func(context.Context, *attempt) error) error {
	for {
		err := m.guarded("executor "+at.provider, func() error { return do(m.withTransport(ctx, r.w, at.auth), at) })
		if !errors.Is(err, executor.ErrRetired) {
			return err
		}
		now := m.world.Load().executors[at.provider]
		if now == nil || now == at.exec {
			return err
		}
		at.exec = now
	}
}

func (m *Manager) newAttempt(r *request, s *slot, e *entry, t models.Target) *attempt {
	at := &attempt{
		slot: s, auth: e.auth.Clone(), exec: r.w.executors[e.provider], provider: e.provider,
		state: t.State, req: r.req, opts: r.opts, started: m.now(),
	}
	at.req.Model = t.Upstream
	// A copy for each attempt: an executor may still read the last one's.
	at.opts.Metadata = maps.Clone(r.opts.Metadata)
	at.opts.Metadata[executor.SelectedAuthIDKey] = s.id
	return at
}

// withTransport puts the credential's own transport into the context, if there
// is one.
func (m *Manager) withTransport(ctx context.Context, w *world, a *auth.Auth) context.Context {
	if w.transports == nil {
		return ctx
	}
	rt := w.transports.RoundTripperFor(a)
	if rt == nil {
		return ctx
	}
	return executor.WithRoundTripper(ctx, rt)
}

func (m *Manager) markFailure(ctx context.Context, at *attempt, err error) {
	m.mark(ctx, at.slot, at.failure(m.world.Load().rules[at.provider].Apply(err)))
}

func (m *Manager) markSuccess(ctx context.Context, at *attempt) {
	res := at.result()
	res.Success = true
	m.mark(ctx, at.slot, res)
}

func (at *attempt) failure(err error) auth.Result {
	res := at.result()
	res.Error, res.RetryAfter, res.CredentialScope = retry.ResultOf(err)
	res.HintSource = retry.HintSource(err)
	if at.absent(res.Error) {
		res.Error.Code = auth.CodeModelNotFound
	}
	return res
}

// absent reports whether the provider says that it does not know the model by
// the name that it got; the name in the state is another, so that nobody could
// tell later.
func (at *attempt) absent(e *auth.Error) bool {
	upstream := auth.CanonicalModel(at.req.Model)
	return e.HTTPStatus == http.StatusNotFound && upstream != "" && upstream != at.state && e.Fault() == auth.FaultNone &&
		strings.Contains(strings.ToLower(e.Message), strings.ToLower(upstream))
}

func (at *attempt) result() auth.Result {
	return auth.Result{AuthID: at.slot.id, Provider: at.provider, Model: at.state, Started: at.started}
}
