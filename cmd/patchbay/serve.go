package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/cmd/patchbay/internal/app"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/config"
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

A change of the configuration file takes effect while serving, and so it does on
SIGHUP and with patchbay config reload. A file that is wrong changes nothing.

The first start makes a client key and shows it, once.`,
		Example: "  patchbay serve --config patchbay.yaml\n  patchbay serve --data-dir /var/lib/patchbay --listen 127.0.0.1:8484",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s := serving{load: g.settings, hard: g.hard, out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr()}
			if g.config != "" {
				s.watch = config.NewWatch(g.config)
			}
			var err error
			if s.cfg, err = g.settings(); err != nil {
				return err
			}
			return serve(cmd.Context(), s)
		},
	}
	c.Flags().StringVar(&g.listen, "listen", "", "address of the client API (default 127.0.0.1:8484)")
	return c
}

// serving says what to serve.
type serving struct {
	cfg settings.Config
	// load reads the configuration anew; nil means that there is no reload.
	load func() (settings.Config, error)
	// watch looks out for changes of the file; nil when there is none.
	watch *config.Watch
	// hard ends when the server is to leave at once; nil means never.
	hard context.Context
	// Announcements go to out, the log to errs.
	out, errs io.Writer
}

// errCut is returned when a second signal ended a shutdown.
var errCut = errors.New("a second signal ended the shutdown: what still ran was cut off")

// serve runs a server until ctx ends.
func serve(ctx context.Context, s serving) (err error) {
	cfg := s.cfg
	if s.hard == nil {
		s.hard = context.Background()
	}
	secrets, level := new(telemetry.Secrets), new(slog.LevelVar)
	tail := telemetry.NewTail(secrets)
	log, err := telemetry.NewLogger(io.MultiWriter(s.errs, tail), telemetry.Options{Level: cfg.Log.Level, Format: cfg.Log.Format, Secrets: secrets, Var: level})
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		log.Warn("configuration", "warning", w)
	}
	metrics := telemetry.NewMetrics(version)
	// The addresses come first: a taken port must not cost a compile.
	at, err := listen(cfg)
	if err != nil {
		return err
	}
	defer at.close()
	var gw *gateway.Gateway
	a, err := app.Open(ctx, app.Options{
		Config: cfg, Version: version, Logger: log, Metrics: metrics, Tail: tail,
		Secret: func(s string) { secrets.Add(s) }, Redact: secrets.Redact, Load: s.load,
		Apply: func(cfg *settings.Config) {
			// The configuration was checked: the level is one of ours.
			if l, err := telemetry.ParseLevel(cfg.Log.Level); err == nil {
				level.Set(l)
			}
			gw.SetLimits(cfg.Limits)
		},
	})
	if err != nil {
		return err
	}
	until, cancel := outlive(ctx, s.hard)
	defer cancel()
	defer func() {
		err = errors.Join(err, a.Close(until))
		if s.hard.Err() != nil {
			err = errCut // the rest says only that things were cut
		}
	}()
	if err := a.Start(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	if ctx.Err() != nil {
		return nil // told to stop before it began
	}
	if at.socket, err = admin.Listen(cfg.DataDir); err != nil {
		return err
	}
	// The first key is shown once: nothing that can fail stands between making
	// it and showing it.
	key, err := a.EnsureKey(ctx)
	if err != nil {
		return err
	}
	gw = gateway.New(gateway.Options{
		Manager: a.Manager(), Keys: a.Keys(), Settings: cfg.Limits, Logger: log, Version: version, Ready: a.Ready,
		Observer: observer{metrics},
	})
	srv := &server{app: a, log: log, gateway: gateway.NewServer(gw), admin: admin.NewServer(a, log, admin.WithMetrics(metrics.Handler()))}
	if at.probes != nil {
		srv.probes = admin.NewProbeServer(a, metrics.Handler(), log)
	}
	return srv.run(ctx, s, at, func() { announce(s.out, at.client.Addr().String(), key, firstModel(a)) })
}

// observer hands on what the gateway tells.
type observer struct{ *telemetry.Metrics }

// RequestEnded implements gateway.Observer.
func (o observer) RequestEnded(e gateway.Outcome) { o.Metrics.RequestEnded(telemetry.Request(e)) }

// listeners are where a server is reached. Probes may be nil.
type listeners struct{ client, socket, probes net.Listener }

// listen opens the addresses of the configuration.
func listen(cfg settings.Config) (at listeners, err error) {
	if at.client, err = net.Listen("tcp", cfg.Listen); err != nil {
		advice := "choose another address with --listen"
		if errors.Is(err, syscall.EADDRINUSE) {
			advice = "is another server running there? " + advice
		}
		return at, fmt.Errorf("listen on %s: %w; %s", cfg.Listen, err, advice)
	}
	if cfg.Admin.Listen == "" {
		return at, nil
	}
	if at.probes, err = admin.ListenProbes(cfg.Admin.Listen); err != nil {
		at.close()
		return at, err
	}
	return at, nil
}

// close closes what is open. Servers close theirs too, which is no error.
func (at *listeners) close() {
	for _, ln := range []net.Listener{at.client, at.socket, at.probes} {
		if ln != nil {
			_ = ln.Close()
		}
	}
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
