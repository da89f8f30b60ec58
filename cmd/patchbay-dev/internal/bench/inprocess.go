package bench

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/builtin/openaicompat"
	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/driver"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/gateway"
	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/host/telemetry"
	"github.com/patchbay-dev/patchbay/plugins"
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
)

const upstreamKey = "sk-bench-0123456789abcdef"

// runInProcess is Patchbay put together here as its binary does it, but for
// the store and the socket: with the native form of the provider, which the
// binary does not offer, or with the sandboxed one, to be profiled.
func runInProcess(ctx context.Context, r role, p *parent) (err error) {
	if r.Profile != "" {
		runtime.MemProfileRate = 64 << 10
	}
	log, err := os.OpenFile(filepath.Join(r.Dir, r.Name+".log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	secrets := new(telemetry.Secrets)
	secrets.Add(upstreamKey)
	logger, err := telemetry.NewLogger(log, telemetry.Options{Secrets: secrets})
	if err != nil {
		return err
	}
	form, m, closeForm, err := formOf(ctx, r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeForm()) }()
	door := egress.New(egress.Options{})
	defer door.Close()
	gw, key, closeGateway, err := assemble(ctx, form, m, door, r.Upstream, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeGateway()) }()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := gateway.NewServer(gw)
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.WithoutCancel(ctx), ln) }()
	if err := p.tell(ready{Addr: ln.Addr().String(), PID: os.Getpid(), Key: key}); err != nil {
		return err
	}
	err = underProfile(ctx, r, p)
	return errors.Join(err, server.Shutdown(context.WithoutCancel(ctx)), <-served)
}

// assemble puts a gateway before one credential of one provider, and returns a
// client key for it.
func assemble(ctx context.Context, form abi.Guest, m *abi.Manifest, door driver.Door, upstream string, logger *slog.Logger) (gw *gateway.Gateway, key string, closeAll func() error, err error) {
	cfg := settings.Default()
	executor, err := driver.New(form, m, m.Provides.Providers[0], driver.Options{
		Door: door, HostVersion: "bench", IdleTimeout: cfg.Limits.IdleTimeout, Logger: logger,
	})
	if err != nil {
		return nil, "", nil, err
	}
	manager := host.New(host.Options{Logger: logger, Cooldown: cfg.Cooldown})
	closeAll = func() error { return manager.Close(context.WithoutCancel(ctx)) }
	manager.SetRetryConfig(cfg.Retry.Rounds, cfg.Retry.MaxInterval, cfg.Retry.MaxCredentials)
	manager.RegisterExecutor(executor)
	stored, err := manager.Register(ctx, &auth.Auth{
		Provider: executor.Identifier(), Label: "bench", Status: auth.StatusActive,
		Attributes: map[string]string{"base_url": "http://" + upstream + "/v1"},
		Metadata:   map[string]any{"api_key": upstreamKey},
	})
	if err != nil {
		return nil, "", nil, errors.Join(err, closeAll())
	}
	manager.SetModels(stored.ID, host.ModelInfo{ID: benchModel})
	plain, record := gateway.NewKey("bench", rand.Reader, time.Now())
	return gateway.New(gateway.Options{
		Manager: manager, Keys: gateway.NewKeyRing(record), Settings: settings.Limits{BodyBytes: cfg.Limits.BodyBytes}, Logger: logger, Version: "bench",
	}), plain, closeAll, nil
}

// formOf returns the provider in the form that the role names, and what closes
// it.
func formOf(ctx context.Context, r role) (abi.Guest, *abi.Manifest, func() error, error) {
	if r.Name == "native" {
		m, err := plugins.ParseManifest(openaicompat.Manifest)
		if err != nil {
			return nil, nil, nil, err
		}
		return guest.Native(m.ID, openaicompat.Provider()), m, func() error { return nil }, nil
	}
	wasm, err := os.ReadFile(r.Plugin)
	if err != nil {
		return nil, nil, nil, err
	}
	h, err := plugins.NewHost(ctx, plugins.Options{Dir: filepath.Join(r.Dir, "plugins"), CacheDir: r.Cache, HostVersion: "bench"})
	if err != nil {
		return nil, nil, nil, err
	}
	closeHost := func() error { return h.Close(context.WithoutCancel(ctx)) }
	plugin, err := h.Load(ctx, wasm, json.RawMessage(nil))
	if err != nil {
		return nil, nil, nil, errors.Join(fmt.Errorf("load %s: %w", r.Plugin, err), closeHost())
	}
	return plugin, plugin.Manifest(), closeHost, nil
}
