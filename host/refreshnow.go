package host

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/refresh"
	"github.com/patchbay-dev/patchbay/host/retry"
)

// RefreshAuth has a credential's executor refresh it now, and saves what came
// of it before anybody uses it. One refresh of a credential runs at a time; who
// asks meanwhile takes its result. A refresh is never cut off in the middle:
// when ctx ends the caller leaves, and the refresh goes on until it is saved, or
// fails, or settings.Refresh.Timeout is over. Of what the executor returns the
// provider's own state is taken (Metadata, Storage, Runtime, NextRefreshAfter);
// an edit that was made meanwhile stays, and other tokens that the credential
// got meanwhile win. New tokens that cannot be saved are an error: they are kept,
// and saved as soon as that works (see UnsavedRefreshes), without a second
// refresh. An executor that cannot refresh says so with not_supported; an
// unknown id is the error auth_not_found; needs_login means that the provider
// takes the refresh token no more. Neither the executor nor a hook may ask for a
// refresh of the credential that it is told of; with the context that it was
// given, that is an error. spec: faults.md section 3.
func (m *Manager) RefreshAuth(ctx context.Context, id string) (*auth.Auth, error) {
	return m.renew(ctx, id, nil)
}

// renew is RefreshAuth; used is the record that was refused with a 401, nil if
// that is not the reason. Nothing of ctx goes along but its end, for the caller:
// neither a wish to save nothing nor a turn that somebody has.
func (m *Manager) renew(ctx context.Context, id string, used *auth.Auth) (*auth.Auth, error) {
	if within(ctx, id) {
		return nil, fault(auth.CodeInvalidRequest, "credential %q is being refreshed by whoever asks", id)
	}
	a, err := m.refreshing.flights.Do(ctx, id, ErrClosed, m.spawn, func() (*auth.Auth, error) {
		return m.refreshOne(id, used)
	})
	if err != nil {
		return nil, err
	}
	return a.Clone(), nil // others got the same
}

func (m *Manager) refreshOne(id string, used *auth.Auth) (*auth.Auth, error) {
	before := m.record(id)
	if before == nil {
		return nil, fault(auth.CodeAuthNotFound, "there is no credential %q to refresh", id)
	}
	w, known := m.world.Load(), m.refreshing.get(id)
	switch failed := known.failed; {
	case known.unsaved != nil:
		return m.settle(id)
	case used != nil && renewed(before, used): // somebody was faster
		return before, nil
	case used != nil && refresh.NeedsLogin(before):
		return nil, before.LastError
	case used != nil && failed != nil && m.now().Before(failed.at.Add(w.refresh.ErrorBackoff)) && !otherTokens(before, failed.of):
		return nil, failed.err
	}
	exec := w.executors[providerKey(before.Provider)]
	if exec == nil {
		return nil, fault(auth.CodeExecutorNotFound, "provider %s has no executor; is its plugin loaded?", before.Provider)
	}
	begun := m.now()
	if err := m.beginRefresh(w, before, known.gen); err != nil {
		err = fmt.Errorf("note in the store that a refresh begins: %w; the provider was not asked", err)
		m.refreshing.note(id, func(k *renewal) { k.failed = &failedRefresh{of: before, at: begun, err: err} })
		m.log.Warn("a refresh could not begin; it is tried again", "credential", id, "provider", before.Provider, "error", err)
		return nil, err
	}
	ask := asking{w: w, exec: exec, attempt: used != nil}
	fresh, err := m.askExecutor(&ask, before)
	doubtful := false
	if grantGone(err) && known.trial && m.unchanged(before) {
		// The new token never worked; the one that it replaced may still.
		previous := before.Clone()
		previous.Metadata = overlay(previous.Metadata, known.replaced)
		fresh, err = m.askExecutor(&ask, previous)
		doubtful = err != nil && !grantGone(err) // one is refused, of the other nobody knows
	}
	if err != nil {
		current := m.record(id)
		if current != nil && renewed(current, before) {
			m.abortRefresh(id, auth.RefreshSuperseded)
			return current, nil
		}
		err = m.refused(before, begun, err, doubtful)
		m.tellRefresh(before.Provider, err)
		return nil, err
	}
	if fresh == nil {
		fresh = before
	}
	if ask.saved != nil {
		before = ask.saved
	}
	m.refreshing.note(id, func(k *renewal) {
		k.unsaved = &unsaved{before: before, fresh: fresh.Clone(), since: m.now(), more: ask.saved != nil}
		k.failed, k.interrupted = nil, time.Time{}
	})
	m.tellRefresh(before.Provider, nil)
	a, err := m.settle(id)
	if err != nil {
		m.saveTokensLater()
	}
	return a, err
}

// tellRefresh tells the hook, if it wants to know, how a refresh ended. A
// provider that has nothing to refresh was not refreshed.
func (m *Manager) tellRefresh(provider string, err error) {
	if own, ok := errors.AsType[*auth.Error](err); ok && own.Code == auth.CodeNotSupported {
		return
	}
	if observer, ok := m.world.Load().hook.(auth.RefreshObserver); ok {
		m.guard("hook", func() { observer.OnRefresh(context.Background(), provider, err) })
	}
}

func (m *Manager) unchanged(before *auth.Auth) bool {
	current := m.record(before.ID)
	return current != nil && !renewed(current, before)
}

// asking is what the calls of Refresh of one refresh have in common.
type asking struct {
	w    *world
	exec auth.ProviderExecutor
	// attempt: a request was refused with the old tokens.
	attempt bool
	// saved is what the executor had saved in the middle of its work, as it gave
	// it: edits that were made meanwhile are not in it.
	saved *auth.Auth
}

// askExecutor is one call of Refresh. The executor may have new tokens saved
// before it goes on (auth.SaveRefreshed).
func (m *Manager) askExecutor(ask *asking, a *auth.Auth) (fresh *auth.Auth, err error) {
	ctx, cancel := context.WithTimeout(inside(a.ID), ask.w.refresh.Timeout)
	defer cancel()
	if ask.attempt {
		ctx = executor.WithRefreshForAttempt(ctx)
	}
	ctx = auth.WithRefreshSaver(ctx, func(fresh *auth.Auth) error {
		before := a
		if ask.saved != nil {
			before = ask.saved
		}
		m.refreshing.note(a.ID, func(k *renewal) {
			k.unsaved = &unsaved{before: before, fresh: fresh.Clone(), since: m.now(), more: ask.saved != nil}
		})
		_, err := m.settle(a.ID)
		if err == nil {
			ask.saved = fresh.Clone()
		}
		return err
	})
	err = m.guarded("refresh by executor "+a.Provider, func() (err error) {
		fresh, err = ask.exec.Refresh(m.withTransport(ctx, ask.w, a.Clone()), a.Clone())
		return err
	})
	return fresh, err
}

// grantGone reports whether the provider takes the refresh token no more.
func grantGone(err error) bool {
	if err == nil {
		return false
	}
	e, _, _ := retry.ResultOf(err)
	return e.Code == auth.CodeInvalidGrant || e.Code == auth.CodeNeedsLogin
}

// refused writes down that a refresh failed, and returns the error that says so.
// Whether the credential can be picked does not change. doubtful says that the
// answer does not settle whether the tokens are good. spec: core.md section 6.
func (m *Manager) refused(before *auth.Auth, begun time.Time, err error, doubtful bool) error {
	if own, ok := errors.AsType[*auth.Error](err); ok && own.Code == auth.CodeNotSupported {
		m.abortRefresh(before.ID, auth.RefreshFailed)
		return err
	}
	gone, unknown := grantGone(err), doubtful || retry.StatusOf(err) == 0
	interrupted := m.refreshing.get(before.ID).interrupted
	told := err
	if gone {
		told = needsLogin(interrupted)
	}
	if m.record(before.ID) == nil { // it was removed meanwhile
		return err
	}
	m.refreshing.note(before.ID, func(k *renewal) {
		k.failed = &failedRefresh{of: before, at: m.now(), err: told}
		switch {
		case gone:
			k.interrupted = time.Time{}
		case unknown && k.interrupted.IsZero():
			k.interrupted = begun
		}
	})
	switch {
	case gone:
		m.abortRefresh(before.ID, auth.RefreshNeedsLogin)
		m.log.Error("a credential needs a login: its provider takes the refresh token no more", "credential", before.ID, "provider", before.Provider, "error", err)
	case unknown:
		m.abortRefresh(before.ID, auth.RefreshUnknown)
		m.log.Warn("a refresh got no answer; it is tried again", "credential", before.ID, "provider", before.Provider, "error", err)
	default:
		m.abortRefresh(before.ID, auth.RefreshFailed)
		m.log.Warn("a refresh failed; it is tried again", "credential", before.ID, "provider", before.Provider, "error", err)
	}
	m.remember(before.ID, func(a *auth.Auth) {
		switch e, _, _ := retry.ResultOf(err); {
		case gone:
			a.Status = auth.StatusError
			a.LastError = needsLogin(interrupted)
			a.StatusMessage = a.LastError.Message
		default:
			a.NextRefreshAfter = m.now().Add(m.world.Load().refresh.ErrorBackoff)
			if !a.Unavailable && !refresh.NeedsLogin(a) { // else the record says why it is blocked
				a.LastError = &auth.Error{Message: "refresh: " + e.Message, HTTPStatus: e.HTTPStatus, Retryable: true}
			}
		}
	})
	if gone {
		m.saveAtOnce(before.ID)
	}
	return told
}

func needsLogin(interrupted time.Time) *auth.Error {
	e := fault(auth.CodeNeedsLogin, "the provider takes the refresh token no more; log in again")
	if !interrupted.IsZero() {
		e.Message += " (a refresh was interrupted at " + interrupted.UTC().Format(time.RFC3339) + ")"
	}
	return e
}

// remember changes a record in memory now and in the store later: what can be
// learned again need not be waited for.
func (m *Manager) remember(id string, f func(*auth.Auth)) {
	ctx, cancel := context.WithTimeout(auth.WithSkipPersist(inside(id)), m.world.Load().refresh.Timeout)
	defer cancel()
	if _, err := m.Change(ctx, id, func(a *auth.Auth) error { f(a); return nil }); err != nil {
		m.log.Warn("the outcome of a refresh could not be written down", "credential", id, "error", err)
		return
	}
	m.saveLater(id)
}

// saveAtOnce saves what is to be saved later, so that a restart does not ask the
// provider, and alert, again. When that fails, it is still to be saved later.
func (m *Manager) saveAtOnce(id string) {
	ctx, cancel := context.WithTimeout(inside(id), m.world.Load().refresh.Timeout)
	defer cancel()
	if err := m.saveNewest(ctx, id); err != nil {
		m.log.Warn("that a credential needs a login could not be saved yet", "credential", id, "error", err)
	}
}

// absolve takes back what was held against the old tokens: blocks after a 401,
// a refresh that failed, a login that was needed.
func absolve(a *auth.Auth, aggregate func(*auth.Auth)) {
	if refresh.NeedsLogin(a) {
		forget(a)
		return
	}
	old := func(e *auth.Error) bool {
		return e != nil && auth.CountsAs(e.HTTPStatus, e.Code) == http.StatusUnauthorized
	}
	removed, failing := false, false
	for model, s := range a.ModelStates {
		switch {
		case s != nil && old(s.LastError):
			delete(a.ModelStates, model)
			removed = true
		case s != nil && s.LastError != nil:
			failing = true
		}
	}
	if removed {
		aggregate(a)
	}
	if failing || !removed && (a.Unavailable || a.Status == auth.StatusError) && !old(a.LastError) {
		return
	}
	if len(a.ModelStates) == 0 {
		a.Unavailable, a.NextRetryAfter = false, time.Time{}
	}
	a.LastError, a.StatusMessage = nil, ""
	if a.Status == auth.StatusError {
		a.Status = auth.StatusActive
	}
}

type refreshKey struct{}

// inside makes the context of what is called while a credential is refreshed, so
// that a refresh which is asked for from there does not wait for itself.
func inside(id string) context.Context {
	return context.WithValue(context.Background(), refreshKey{}, id)
}

func within(ctx context.Context, id string) bool { return ctx.Value(refreshKey{}) == id }
