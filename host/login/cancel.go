package login

import (
	"context"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// Cancel ends a login; what runs of it is cut off. The provider is told when
// nothing ran, so that it can take back what it asked for. An unknown id is
// nothing.
func (l *Logins) Cancel(ctx context.Context, id string) {
	p, version := l.versionOf(id)
	l.mu.Lock()
	e := l.all[id]
	delete(l.all, id)
	if e == nil || e.cancelled {
		l.mu.Unlock()
		return
	}
	e.cancelled = true
	if e.stop != nil {
		e.stop()
		l.mu.Unlock()
		return
	}
	l.mu.Unlock()
	l.ended(e.provider, cancelled())
	if p == nil || version != e.session.version {
		return
	}
	ctx, stop := context.WithTimeout(ctx, cancelTime)
	defer stop()
	if _, err := p.Login(ctx, e.session.draft.Clone(), e.session.input(id, auth.LoginCancel)); err != nil {
		l.opts.Logger.Debug("the provider was not told of a cancelled login", "provider", e.provider, "error", err)
	}
}

// cancelTime is how long a provider may take to hear of a cancelled login.
const cancelTime = 5 * time.Second

// Close ends all logins and waits for what runs of them. It may be called more
// than once.
func (l *Logins) Close() {
	l.mu.Lock()
	l.closed = true
	for id, e := range l.all {
		e.cancelled = true
		if e.stop != nil {
			e.stop()
		}
		delete(l.all, id)
	}
	l.mu.Unlock()
	l.running.Wait()
}
