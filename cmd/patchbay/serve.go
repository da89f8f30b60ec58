package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/cmd/patchbay/internal/app"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/gateway"
	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/host/telemetry"
)

func serveCommand(g *global) *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the client API",
		Long: `Serve the client API, until SIGTERM or SIGINT. Then no new request is taken,
running ones get the grace period, and a second signal ends at once.

The first start makes a client key and shows it, once.`,
		Example: "  patchbay serve --config patchbay.yaml\n  patchbay serve --data-dir /var/lib/patchbay --listen 127.0.0.1:8484",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := g.settings()
			if err != nil {
				return err
			}
			return serve(cmd.Context(), cfg, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&g.listen, "listen", "", "address of the client API (default 127.0.0.1:8484)")
	return c
}

// serve runs a server until ctx ends. Announcements go to out, the log to
// errs.
func serve(ctx context.Context, cfg settings.Config, out, errs io.Writer) (err error) {
	secrets := new(telemetry.Secrets)
	log, err := telemetry.NewLogger(errs, telemetry.Options{Level: cfg.Log.Level, Format: cfg.Log.Format, Secrets: secrets})
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		log.Warn("configuration", "warning", w)
	}
	// The address comes first: a taken port must not cost a compile.
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w; is another server running there? choose another with --listen", cfg.Listen, err)
	}
	defer ln.Close()
	a, err := app.Open(ctx, app.Options{Config: cfg, Version: version, Logger: log, Secret: func(s string) { secrets.Add(s) }})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close(context.WithoutCancel(ctx))) }()
	if err := a.Start(ctx); err != nil {
		return err
	}
	socket, err := admin.Listen(cfg.DataDir)
	if err != nil {
		return err
	}
	defer socket.Close()
	// The first key is shown once: nothing that can fail stands between making
	// it and showing it.
	key, err := a.EnsureKey(ctx)
	if err != nil {
		return err
	}

	gw := gateway.New(gateway.Options{Manager: a.Manager(), Keys: a.Keys(), Settings: cfg.Limits, Logger: log, Version: version, Ready: a.Ready})
	return runUntil(ctx, cfg, log, server{gateway: gateway.NewServer(gw), admin: admin.NewServer(a, log), client: ln, socket: socket}, func() {
		announce(out, ln.Addr().String(), key, firstModel(a))
	})
}

// server is what serves, and where.
type server struct {
	gateway        *gateway.Server
	admin          *admin.Server
	client, socket net.Listener
}

// runUntil serves until ctx ends or a listener fails, then drains.
func runUntil(ctx context.Context, cfg settings.Config, log *slog.Logger, s server, ready func()) error {
	failed := make(chan error, 2)
	go func() { failed <- s.gateway.Serve(context.WithoutCancel(ctx), s.client) }()
	go func() { failed <- s.admin.Serve(s.socket) }()
	log.Info("ready", "listen", s.client.Addr().String(), "version", version)
	ready()

	var first error
	waiting := 2
	select {
	case <-ctx.Done():
	case first = <-failed:
		waiting--
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.Limits.ShutdownGrace)
	defer cancel()
	// A second signal ends the grace.
	grace, stop := signal.NotifyContext(grace, os.Interrupt, syscall.SIGTERM)
	defer stop()
	log.Info("stopping", "grace", cfg.Limits.ShutdownGrace.String())
	err := errors.Join(first, s.gateway.Shutdown(grace), s.admin.Shutdown(grace))
	for ; waiting > 0; waiting-- {
		err = errors.Join(err, <-failed)
	}
	log.Info("stopped")
	return err
}

func firstModel(a *app.App) string {
	for _, m := range a.Manager().ListModels() {
		return m.ID
	}
	return ""
}

// announce tells a person what is there and how to try it.
func announce(w io.Writer, addr string, key admin.CreatedKey, model string) {
	fmt.Fprintf(w, "Patchbay %s is ready on http://%s\n", version, addr)
	shown := key.Key
	if shown == "" {
		shown = "$PATCHBAY_KEY"
		fmt.Fprintln(w, "Client keys: patchbay key create --name NAME")
	} else {
		fmt.Fprintf(w, "\nYour first client key, shown once:\n  %s\n", shown)
	}
	if model == "" {
		fmt.Fprintln(w, "No credential serves a model yet: patchbay auth add --help")
		return
	}
	body := fmt.Sprintf(`{"model":%q,"stream":true,"messages":[{"role":"user","content":"Hello from Patchbay"}]}`, model)
	fmt.Fprintf(w, "\nTry it:\n  curl -N http://%s/v1/chat/completions -H %q -H \"Content-Type: application/json\" -d '%s'\n\n",
		addr, "Authorization: Bearer "+shown, strings.ReplaceAll(body, "'", `'\''`))
}
