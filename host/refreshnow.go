package host

import (
	"context"
	"maps"
	"reflect"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// refreshTimeout bounds one refresh. core-decisions.md section 2, row 26.
const refreshTimeout = time.Minute

// RefreshAuth has a credential's executor refresh it now, and saves what came
// of it before anybody uses it. One refresh of a credential runs at a time; who
// waited for another's takes its result. A refresh is never cut off in the
// middle: when ctx ends the caller leaves, and the refresh goes on until it is
// saved, or for a minute. Of what the executor returns the provider's own state
// is taken (Metadata, Storage, Runtime, NextRefreshAfter); an edit that was made
// meanwhile stays. An executor that cannot refresh says so with not_supported;
// an unknown id is the error auth_not_found.
func (m *Manager) RefreshAuth(ctx context.Context, id string) (*auth.Auth, error) {
	asked := m.now()
	type outcome struct {
		a   *auth.Auth
		err error
	}
	done := make(chan outcome, 1)
	// Nothing of ctx goes along: neither its end nor a wish to save nothing.
	started := m.spawn(func() {
		inner, cancel := context.WithTimeout(context.Background(), refreshTimeout)
		defer cancel()
		a, err := m.refresh(inner, id, asked)
		done <- outcome{a, err}
	})
	if !started {
		return nil, ErrClosed
	}
	select {
	case o := <-done:
		return o.a, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *Manager) refresh(ctx context.Context, id string, asked time.Time) (*auth.Auth, error) {
	// The context that comes with the turn is not passed on: it would count as
	// the turn to write.
	_, release, err := m.refreshes.take(ctx, id)
	if err != nil {
		return nil, err
	}
	defer release()
	before := m.record(id)
	if before == nil {
		return nil, fault(auth.CodeAuthNotFound, "there is no credential %q to refresh", id)
	}
	if before.LastRefreshedAt.After(asked) {
		return before.Clone(), nil
	}
	w := m.world.Load()
	exec := w.executors[providerKey(before.Provider)]
	if exec == nil {
		return nil, fault(auth.CodeExecutorNotFound, "provider %s has no executor; is its plugin loaded?", before.Provider)
	}
	var fresh *auth.Auth
	err = m.guarded("refresh by executor "+before.Provider, func() (err error) {
		fresh, err = exec.Refresh(m.withTransport(ctx, w, before.Clone()), before.Clone())
		return err
	})
	if err != nil {
		return nil, err
	}
	return m.Change(ctx, id, func(a *auth.Auth) error {
		a.LastRefreshedAt = m.now()
		if fresh == nil {
			return nil
		}
		a.Metadata = carryOver(a.Metadata, before.Metadata, fresh.Metadata)
		a.NextRefreshAfter = fresh.NextRefreshAfter
		if fresh.Storage != nil {
			a.Storage = fresh.Storage
		}
		if fresh.Runtime != nil {
			a.Runtime = fresh.Runtime
		}
		if a.LastError != nil && a.LastError.Code == auth.CodeNeedsLogin {
			forget(a)
		}
		return nil
	})
}

// carryOver puts into now what changed from before to fresh, and takes out what
// is gone.
func carryOver(now, before, fresh map[string]any) map[string]any {
	out := maps.Clone(now)
	if out == nil {
		out = map[string]any{}
	}
	for key := range before {
		if _, kept := fresh[key]; !kept {
			delete(out, key)
		}
	}
	for key, v := range fresh {
		if was, had := before[key]; !had || !reflect.DeepEqual(was, v) {
			out[key] = v
		}
	}
	return out
}
