package main

import (
	"context"
	"errors"
	"time"

	"github.com/patchbay-dev/patchbay/boltstore"
	"github.com/patchbay-dev/patchbay/cmd/patchbay/internal/app"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// connect returns what a command works on: the running server, over its
// socket, or the store itself when no server runs.
func connect(ctx context.Context, cfg settings.Config) (admin.Operations, func() error, error) {
	ops, err := admin.Dial(cfg.DataDir)
	if err == nil {
		return ops, func() error { return nil }, nil
	}
	if !errors.Is(err, admin.ErrNoServer) {
		return nil, nil, err
	}
	a, err := app.Open(ctx, app.Options{Config: cfg, Version: version, LockTimeout: 2 * time.Second})
	if errors.Is(err, boltstore.ErrLocked) {
		// A server that starts holds the store before its socket is there.
		if ops, derr := admin.Dial(cfg.DataDir); derr == nil {
			return ops, func() error { return nil }, nil
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return a, func() error { return a.Close(context.WithoutCancel(ctx)) }, nil
}

// with runs f on the operations and closes them, whatever f said.
func (g *global) with(ctx context.Context, f func(ops admin.Operations) error) error {
	cfg, err := g.settings()
	if err != nil {
		return err
	}
	ops, closeOps, err := connect(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(f(ops), closeOps())
}
