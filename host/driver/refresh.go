package driver

import (
	"context"
	"errors"
	"net/http"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// Refresh asks the guest for new tokens and performs what it wants: token
// requests, other requests and waits, until it patches the credential or fails.
// It returns a changed copy of a. Tokens that were fetched are never lost to an
// error after them. An error with the code invalid_grant says that the provider
// takes the refresh token no more; one with status 0 that nobody knows whether
// it does. A provider without refresh is not_supported.
func (e *Executor) Refresh(ctx context.Context, a *auth.Auth) (*auth.Auth, error) {
	if !e.provider.Refresh {
		return nil, e.notSupported("refresh")
	}
	at, err := e.newAttempt(ctx, a.Clone(), abi.OpRefresh, abi.KindUnspecified)
	if err != nil {
		return nil, err
	}
	defer at.release()
	at.info.Credential.Revision = revisionOf(at.auth)
	err = at.ask(abi.OpRefresh, &abi.RefreshInput{
		Provider: e.provider.Key, Credential: at.info.Credential, Reason: e.refreshReason(ctx, a),
	})
	for err == nil {
		switch act, op := at.todo, at.todoOp; act.Which {
		case abi.ActionIsPatch:
			fresh, err := at.revised(op, act.Patch)
			if err != nil {
				return at.refreshed(err)
			}
			return fresh, nil
		case abi.ActionIsFail:
			err = at.refreshFailure(act.Fail)
		case abi.ActionIsSend:
			if d := act.Send.Deliver; d != abi.DeliverWhole && d != abi.DeliverExchange {
				err = at.brokenAt(op, "a refresh takes whole answers and exchanges only")
				break
			}
			err = at.perform()
		default:
			err = at.perform()
		}
	}
	return at.refreshed(err)
}

// refreshReason says why a refresh runs, as far as that can be told.
func (e *Executor) refreshReason(ctx context.Context, a *auth.Auth) abi.RefreshReason {
	if executor.RefreshForAttempt(ctx) {
		return abi.RefreshReasonAttempt
	}
	if _, expires := a.ExpirationTime(); expires {
		return abi.RefreshReasonDue
	}
	return abi.RefreshReasonOperator
}

// revised applies the patch that ends a refresh.
func (a *attempt) revised(op abi.Op, p *abi.Patch) (*auth.Auth, error) {
	if want := a.info.Credential.Revision; p.Revision != want {
		return nil, a.brokenAt(op, "patch: it is for another revision of the credential than the newest that the plugin was told")
	}
	a.auth = a.durable()
	return a.patched(op, p)
}

// refreshFailure is a guest's fail. That a grant is gone it may say in its own
// words, but the host has heard the token server.
func (a *attempt) refreshFailure(f *abi.Fail) error {
	err := failure(f, nil, a.scrubber().text, a.e.opts.Now())
	if f.Code == auth.CodeInvalidGrant || f.Code == auth.CodeNeedsLogin || a.tokens.gone {
		err.Status, err.Code, err.CredentialScope = http.StatusBadRequest, auth.CodeInvalidGrant, true
	}
	return err
}

// refreshed ends a refresh that did not come to a patch.
func (a *attempt) refreshed(err error) (*auth.Auth, error) {
	switch {
	case a.tokens.fresh:
		a.e.opts.Logger.Warn("a refresh brought new tokens and then failed; they are kept",
			"plugin", a.e.manifest.ID, "provider", a.e.provider.Key, "error", err)
		return a.durable(), nil
	case a.tokens.unknown:
		// Whatever it ended with, the token may be used up.
		var upstream *executor.UpstreamError
		if errors.As(err, &upstream) && upstream.Status == 0 {
			return nil, err
		}
		return nil, &executor.UpstreamError{Message: "the token request may have been received: " + tidy(a.scrubber().text(err.Error())), Err: err}
	}
	return nil, err
}
