package app

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// everything asks an app for all that an operator can, and reports what came
// back. A panic is the test's end.
func everything(ctx context.Context, a *App) (errs []error) {
	note := func(err error) { errs = append(errs, err) }
	_, err := a.CreateKey(ctx, "x")
	note(err)
	_, err = a.AddAuth(ctx, admin.AuthSpec{Provider: "echo"})
	note(err)
	_, err = a.ListAuths(ctx)
	note(err)
	note(a.RemoveAuth(ctx, "nonesuch"))
	_, err = a.InstallPlugin(ctx, admin.InstallRequest{Wasm: []byte("garbage"), Yes: true})
	note(err)
	_, err = a.ListPlugins(ctx)
	note(err)
	note(a.RemovePlugin(ctx, "nonesuch"))
	_, err = a.ReloadConfig(ctx)
	note(err)
	_, err = a.Health(ctx)
	note(err)
	_, err = a.Status(ctx)
	note(err)
	return errs
}

// TestFaultD07App: closed twice, closed before it started, and closed while it
// is asked for things.
func TestFaultD07App(t *testing.T) {
	serving := func(o *Options) {
		o.Load = func() (settings.Config, error) { return o.Config, nil }
	}
	t.Run("twice, before the start", func(t *testing.T) {
		a := open(t, t.TempDir(), serving)
		if err := errors.Join(a.Close(t.Context()), a.Close(t.Context())); err != nil {
			t.Error(err)
		}
		if err := a.Start(t.Context()); err == nil {
			t.Error("it started after its end")
		}
		everything(t.Context(), a)
		if _, err := a.ReloadConfig(t.Context()); !errors.Is(err, ErrClosed) && err == nil {
			t.Errorf("a reload after the end: %v", err)
		}
	})
	t.Run("while it is asked for things", func(t *testing.T) {
		a := open(t, t.TempDir(), serving)
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		begun := make(chan struct{}, 8)
		over := make(chan struct{})
		for range 8 {
			wg.Go(func() {
				begun <- struct{}{}
				for {
					everything(t.Context(), a)
					select {
					case <-over:
						return
					default:
					}
				}
			})
		}
		for range 8 {
			<-begun
		}
		var closers sync.WaitGroup
		for range 4 {
			closers.Go(func() {
				if err := a.Close(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		closers.Wait()
		close(over)
		wg.Wait()
		if _, err := a.ReloadConfig(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("a reload after the end: %v", err)
		}
		if _, err := a.CreateKey(t.Context(), "x"); err == nil {
			t.Error("a key was made after the end")
		}
	})
}

// TestReloadsShareTheNext: whoever asks while a reload runs gets the next one,
// together with all others.
func TestReloadsShareTheNext(t *testing.T) {
	var r reloads
	var wg sync.WaitGroup
	entered, leave := make(chan struct{}), make(chan struct{})
	runs := 0
	do := func(context.Context) (admin.Reloaded, error) {
		runs++ // one at a time
		entered <- struct{}{}
		<-leave
		return admin.Reloaded{}, nil
	}
	start := func(f func(context.Context)) bool { wg.Go(func() { f(context.Background()) }); return true }
	ask := func() { wg.Go(func() { _, _ = r.ask(context.Background(), start, do) }) }
	ask()
	<-entered
	for range 50 {
		ask()
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.ask(gone, start, do); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that left: %v", err)
	}
	leave <- struct{}{}
	<-entered
	leave <- struct{}{}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for {
		select {
		case <-entered: // some asked only after the second had begun
			leave <- struct{}{}
			continue
		case <-done:
		}
		break
	}
	if runs < 2 || runs > 10 {
		t.Errorf("%d runs for 52 wishes", runs)
	}
	refuse := func(func(context.Context)) bool { return false }
	if _, err := r.ask(context.Background(), refuse, do); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}
