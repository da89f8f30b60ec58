package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/patchbay-dev/patchbay/cmd/patchbay/internal/app"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/config"
	"github.com/patchbay-dev/patchbay/host/gateway"
)

// server is what serves.
type server struct {
	app     *app.App
	log     *slog.Logger
	gateway *gateway.Server
	admin   *admin.Server
	// probes is nil when nobody asked for it.
	probes *admin.Server
}

// run serves until ctx ends or a listener fails. Then it says that it is not
// ready, takes no new request, and gives what runs the grace of the
// configuration; when hard ends, everything is cut. The operator's socket works
// until the last request is over.
func (srv *server) run(ctx context.Context, s serving, at listeners, ready func()) error {
	serve := []func() error{
		func() error { return srv.gateway.Serve(context.WithoutCancel(ctx), at.client) },
		func() error { return srv.admin.Serve(at.socket) },
	}
	if srv.probes != nil {
		serve = append(serve, func() error { return srv.probes.Serve(at.probes) })
	}
	failed := make(chan error, len(serve))
	for _, f := range serve {
		go func() { failed <- f() }()
	}
	stop := srv.follow(ctx, s.watch)
	srv.log.Info("ready", "listen", at.client.Addr().String(), "version", version)
	ready()

	var first error
	waiting := len(serve)
	select {
	case <-ctx.Done():
	case first = <-failed:
		waiting--
	}
	stop()
	err := errors.Join(first, srv.drain(ctx, s.hard))
	for ; waiting > 0; waiting-- {
		err = errors.Join(err, <-failed)
	}
	srv.log.Info("stopped")
	return err
}

// drain ends the servers, that of the clients first.
func (srv *server) drain(ctx, hard context.Context) error {
	until, cancel := outlive(ctx, hard)
	defer cancel()
	cut := context.AfterFunc(hard, func() { _ = srv.gateway.Close() }) // its Shutdown returns then
	defer cut()
	srv.app.Drain()
	srv.log.Info("stopping", "grace", srv.app.Config().Limits.ShutdownGrace.String())
	err := errors.Join(srv.gateway.Shutdown(until), srv.admin.Shutdown(until))
	if srv.probes != nil {
		err = errors.Join(err, srv.probes.Shutdown(until))
	}
	return err
}

// outlive returns a context that goes on after ctx has ended, until hard does.
func outlive(ctx, hard context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(hard, cancel)
	return longer, func() { stop(); cancel() }
}

// follow reloads the configuration on SIGHUP and when its file changes. What is
// wrong with it, the reload itself tells. The function that it returns ends that
// and waits.
func (srv *server) follow(ctx context.Context, watch *config.Watch) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var owned sync.WaitGroup
	reload := func() { _, _ = srv.app.ReloadConfig(ctx) }
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	owned.Go(func() {
		for {
			select {
			case <-hangup:
				reload()
			case <-ctx.Done():
				return
			}
		}
	})
	if watch != nil {
		owned.Go(func() {
			if err := watch.Run(ctx, reload); err != nil {
				srv.log.Warn("the configuration file is not watched: send SIGHUP, or run patchbay config reload, after a change", "error", err)
			}
		})
	}
	return func() {
		signal.Stop(hangup)
		cancel()
		owned.Wait()
	}
}
