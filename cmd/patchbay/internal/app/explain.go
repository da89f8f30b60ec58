package app

import (
	"context"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// Explain says which credential a request for a model would get now, and of
// every other one why not.
func (a *App) Explain(_ context.Context, req admin.ExplainRequest) (admin.Explanation, error) {
	return a.manager.Explain(req.Providers, req.Model, executor.Options{
		Metadata: map[string]any{executor.ExecutionSessionIDKey: req.Session},
	}), nil
}
