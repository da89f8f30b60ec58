package walk

import (
	"context"
	"testing"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/driver"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/plugins"
)

// World is a manager whose requests go through plugins to an Internet.
type World struct {
	*Internet
	Manager *host.Manager
	Door    *egress.Door
	t       testing.TB
}

// New makes a world without plugins; change may set more of its manager's
// options. The test closes it.
func New(t testing.TB, change ...func(*host.Options)) *World {
	t.Helper()
	in := NewInternet(t)
	w := &World{Internet: in, t: t, Door: egress.New(egress.Options{Resolver: in})}
	o := host.Options{RoundTripperProvider: in}
	for _, c := range change {
		c(&o)
	}
	w.Manager = host.New(o)
	t.Cleanup(func() {
		if err := w.Manager.Close(context.Background()); err != nil {
			t.Error(err)
		}
		w.Door.Close()
	})
	return w
}

// Serve registers the first provider of a plugin; change may set more of its
// driver's options.
func (w *World) Serve(p *plugins.Plugin, change ...func(*driver.Options)) *driver.Executor {
	w.t.Helper()
	o := driver.Options{Door: w.Door, HostVersion: "0.0.0-walk"}
	for _, c := range change {
		c(&o)
	}
	e, err := driver.New(p, p.Manifest(), p.Manifest().Provides.Providers[0], o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Manager.RegisterExecutor(e)
	return e
}

// Credential registers a credential that serves the model m.
func (w *World) Credential(a *auth.Auth) {
	w.t.Helper()
	if _, err := w.Manager.Register(w.t.Context(), a); err != nil {
		w.t.Fatal(err)
	}
	w.Manager.SetModels(a.ID, host.ModelInfo{ID: "m"})
}

// Ask is a request for a whole answer.
func (w *World) Ask(provider, body string) (string, error) {
	got, err := w.Manager.Execute(w.t.Context(), []string{provider}, executor.Request{Model: "m", Payload: []byte(body)}, executor.Options{})
	return string(got.Payload), err
}

// Stream is a request for a stream, read to its end.
func (w *World) Stream(provider, body string) (string, error) {
	got, err := w.Manager.ExecuteStream(w.t.Context(), []string{provider}, executor.Request{Model: "m", Payload: []byte(body)}, executor.Options{Stream: true})
	if err != nil {
		return "", err
	}
	var all []byte
	for c := range got.Chunks {
		if c.Err != nil {
			return string(all), c.Err
		}
		all = append(all, c.Payload...)
	}
	return string(all), nil
}
