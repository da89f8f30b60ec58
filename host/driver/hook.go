package driver

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
)

// newHook is what calls a guest for ops that are no provider's own. It has no
// credential; name is told in logs and errors.
func newHook(guest abi.Guest, m *abi.Manifest, name string, opts Options) (*Executor, error) {
	if guest == nil || m == nil || name == "" {
		return nil, fmt.Errorf("driver: a hook needs a guest, a manifest and a name")
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	signers, err := compileSigners(m)
	if err != nil {
		return nil, fmt.Errorf("driver: plugin %s: %w", m.ID, err)
	}
	return &Executor{guest: guest, manifest: m, provider: abi.Provider{Key: name}, opts: opts, signers: signers}, nil
}

// askHook calls a hook's guest once and returns the attempt, with the terminal
// action in todo. The caller releases it.
func (e *Executor) askHook(ctx context.Context, op abi.Op, in abi.Message) (*attempt, error) {
	at, err := e.newAttempt(ctx, &auth.Auth{}, op, abi.KindUnspecified)
	if err != nil {
		return nil, err
	}
	if err := at.ask(op, in); err != nil {
		at.release()
		return nil, err
	}
	return at, nil
}
