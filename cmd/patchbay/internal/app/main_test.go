package app

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/patchbay-dev/patchbay/host/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens an app on dir until the test ends, without serving.
func open(t *testing.T, dir string, change ...func(*Options)) *App {
	t.Helper()
	o := Options{Config: settings.Default(), Version: "test"}
	o.Config.DataDir = dir
	for _, f := range change {
		f(&o)
	}
	a, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return a
}
