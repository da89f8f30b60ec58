package app

import (
	"context"
	"sync"
	"time"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/auth"
)

const (
	// keptFailures is how many of the newest failures are kept.
	keptFailures = 32
	// maxFailure is how much of a failure's message is kept, in bytes.
	maxFailure = 256
)

// failures is a hook that remembers the newest attempts that failed.
type failures struct {
	auth.NoopHook

	mu   sync.Mutex // guards ring and next
	ring [keptFailures]admin.Failure
	next int
}

// OnResult implements auth.Hook. What a provider says of a request may quote
// the request, so of those only the code is kept.
func (f *failures) OnResult(_ context.Context, r auth.Result) {
	if r.Success || r.Error == nil || r.Error.Fault() == auth.FaultLifecycle {
		return
	}
	entry := admin.Failure{
		Time: time.Now().UTC(), Auth: r.AuthID, Provider: r.Provider, Model: r.Model,
		Status: r.Error.HTTPStatus, Code: r.Error.Code, Message: r.Error.Message,
	}
	if r.Error.Fault() == auth.FaultRequest {
		entry.Message = ""
	}
	entry.Message = entry.Message[:min(len(entry.Message), maxFailure)]
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ring[f.next%keptFailures] = entry
	f.next++
}

// newest returns the failures, the newest first.
func (f *failures) newest() []admin.Failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]admin.Failure, 0, min(f.next, keptFailures))
	for i := f.next - 1; i >= 0 && i >= f.next-keptFailures; i-- {
		all = append(all, f.ring[i%keptFailures])
	}
	return all
}
